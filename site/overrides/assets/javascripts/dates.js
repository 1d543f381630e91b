// Status and days left, worked out from dates on the day the page is read.
window.policyKb = (() => {
  const STATUS_LABELS = {
    pending: "尚未施行",
    in_force: "现行有效",
    expired: "已失效",
    superseded: "已被替代",
  };

  /** Return today's date in China as YYYY-MM-DD; such dates compare as text. */
  function today() {
    return new Date(Date.now() + 8 * 3600 * 1000).toISOString().slice(0, 10);
  }

  /** Return the status on `day`, by the same rule as `status_on` in indexer/policy.py. */
  function statusOn(day, { effective, expires, superseded }) {
    if (effective && day < effective) return "pending";
    if (!expires || day <= expires) return "in_force";
    return superseded ? "superseded" : "expired";
  }

  /** Return how many days lie between two dates. */
  function daysBetween(from, to) {
    return Math.round((Date.parse(to) - Date.parse(from)) / 86400000);
  }

  /** Say how long one may still act, or nothing while that is far off. */
  function describeDeadline(day, deadline) {
    const days = daysBetween(day, deadline);
    if (days < 0) return `已于 ${deadline} 截止`;
    if (days === 0) return "今天截止";
    return days <= 60 ? `${deadline} 截止，还有 ${days} 天` : `截止 ${deadline}`;
  }

  return { STATUS_LABELS, today, statusOn, daysBetween, describeDeadline };
})();
