// Before Decap CMS is read: it is started by start.js, with a configuration of ours.
window.CMS_MANUAL_INIT = true;
// There is nobody to log in: the editor belongs to whoever sits at this computer.
localStorage.setItem("decap-cms-user", JSON.stringify({ backendName: "proxy" }));
