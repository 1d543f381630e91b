// Starts Decap CMS with the configuration made from the record (policykb edit).
(async () => {
  "use strict";

  // What a file holds travels as JSON: the service alone reads and writes the file itself.
  CMS.registerCustomFormat("policy", "md", {
    fromFile: (text) => JSON.parse(text),
    toFile: (values) => JSON.stringify({ ...values, page: PAGE }),
  });

  // Pictures are not kept in the library, so that there is no button for them.
  CMS.registerMediaLibrary({
    name: "none",
    init: () => ({ show() {}, hide() {}, enableStandalone: () => false }),
  });

  const answer = await fetch("/edit/config.json");
  const config = await answer.json();
  const pane = makePane(config.preview);
  for (const collection of config.cms.collections) {
    CMS.registerPreviewTemplate(collection.name, pane.Component);
  }
  CMS.registerPreviewStyle("/edit/pane.css");
  CMS.registerEventListener({ name: "preSave", handler: ({ entry }) => pane.refuse(entry) });
  CMS.registerEventListener({ name: "postSave", handler: pane.saved });
  CMS.registerWidget("stamp", pane.Stamp);
  CMS.init({ config: config.cms });
})();
