// The pane beside the form: what is still to be mended, and the page that the entry will become.
"use strict";

const PAGE = crypto.randomUUID(); // tells this page from others with the same entry
const WAIT = 500; // milliseconds after the last key

function makePane(address) {
  /** Ask the service what it thinks of what is filled in. */
  async function tryOut(entry) {
    const values = { ...entry.get("data").toJS(), page: PAGE };
    const path = entry.get("path") || `policies/${entry.get("collection")}/new.md`;
    const answer = await fetch(address, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ path, values, new: entry.get("newRecord") === true }),
    });
    const told = await answer.json();
    return answer.ok ? told : { problems: [], remarks: [], left: [], page: null, refusal: told.error };
  }

  /** Stop a save that the service would refuse, and say why. */
  async function refuse(entry) {
    const told = await tryOut(entry).catch(() => null);
    if (!told || told.draft) return;
    const lines = told.problems.map((problem) => `${problem.where}：${problem.message}`);
    const text = told.refusal || (lines.length && `还有 ${lines.length} 处要改。${lines.join(" ")}`);
    if (!text) return;
    const error = new Error(text);
    error.name = ""; // shown as it is
    throw error;
  }

  const Component = createClass({
    getInitialState: () => ({ told: null, failed: false }),
    componentDidMount() {
      this.ask();
    },
    componentDidUpdate(before) {
      if (before.entry.get("data") !== this.props.entry.get("data")) this.ask();
    },
    componentWillUnmount() {
      clearTimeout(this.timer);
      this.gone = true;
    },
    ask() {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.update(), WAIT);
    },
    async update() {
      const entry = this.props.entry;
      const told = await tryOut(entry).catch(() => null);
      // A later answer is on its way when more was filled in meanwhile.
      if (this.gone || entry.get("data") !== this.props.entry.get("data")) return;
      this.setState({ told, failed: told === null });
    },
    render() {
      const { told, failed } = this.state;
      if (failed) {
        return h("p", { className: "bad" }, "编辑服务没有回答，可能已经停了。请不要关掉这个网页，重新运行 policykb edit 再试。");
      }
      if (!told) return h("p", { className: "wait" }, "正在核查……");
      return h("main", {}, this.verdict(told), this.problems(told.problems), this.remarks(told.remarks), this.left(told.left), this.page(told));
    },
    verdict({ refusal, problems, draft }) {
      if (refusal) return h("p", { className: "bad", role: "status" }, refusal);
      if (!problems.length) return h("p", { className: "good", role: "status" }, "没有发现问题。");
      const then = draft ? "草稿可以先存下来；放进政策库以前要改好。" : "改好才能保存。";
      return h("p", { className: "bad", role: "status" }, `还有 ${problems.length} 处要改，${then}`);
    },
    problems(problems) {
      if (!problems.length) return null;
      return h(
        "ol",
        { "aria-label": "要改的地方" },
        problems.map((problem, number) => h("li", { key: number }, this.link(problem), problem.message)),
      );
    },
    link({ form, where }) {
      if (!form) return h("strong", {}, where);
      return h("button", { type: "button", onClick: () => this.props.onFieldClick(form) }, where);
    },
    remarks(remarks) {
      if (!remarks.length) return null;
      const rows = remarks.map((remark, number) => h("li", { key: number }, this.link(remark), remark.message));
      return h("section", {}, h("h2", {}, "文件里写着的说明，请一条条看过"), h("ol", {}, rows));
    },
    left(left) {
      if (!left.length) return null;
      const rows = left.map((problem, number) => h("li", { key: number }, h("strong", {}, problem.where), problem.message));
      return h("section", {}, h("h2", {}, "可以保存，但是保存以后还要改别的条目"), h("ol", {}, rows));
    },
    page({ page }) {
      if (!page) return h("p", { className: "wait" }, "必填的填好以后，这里是网页的样子。");
      return h("iframe", { src: page, title: "网页的样子", key: "page" });
    },
  });

  // Decap compares what is filled in with what it read first. A stamp that changes with each save
  // keeps it from taking a value that goes back to the first one for one that is saved.
  const stamps = new Set();
  const Stamp = createClass({
    componentDidMount() {
      stamps.add(this);
    },
    componentWillUnmount() {
      stamps.delete(this);
    },
    render: () => h("span", { className: "stamp" }),
  });

  /** Note that what is filled in has been saved. */
  function saved() {
    for (const stamp of stamps) stamp.props.onChange(crypto.randomUUID());
  }

  return { Component, Stamp, refuse, saved };
}
