// The words of Decap CMS in plain Chinese: what its own translation lacks or says otherwise.
"use strict";

(() => {
  /** Put words into others, however deep they stand. */
  function merge(base, more) {
    const merged = { ...base };
    for (const [name, value] of Object.entries(more)) {
      merged[name] = typeof value === "string" ? value : merge(base?.[name], value);
    }
    return merged;
  }

  const words = {
    app: {
      header: { content: "全部条目", quickAdd: "新建" },
      app: {
        errorHeader: "表单编辑打不开",
        configErrors: "设置有误",
        checkConfigYml: "请重新运行 policykb edit，再打开这个网页。",
        loadingConfig: "正在打开……",
        waitingBackend: "正在等编辑服务回答……",
      },
    },
    collection: {
      sidebar: { collections: "政策库", allCollections: "全部条目", searchAll: "找条目（标题、俗称）", searchIn: "在这里找" },
      collectionTop: { newButton: "新建%{collectionLabel}", newButtonAriaLabel: "新建%{collectionLabel}", viewAsList: "排成一列", viewAsGrid: "排成方格" },
      entries: { loadingEntries: "正在读取条目……", cachingEntries: "正在读取条目……", noEntries: "没有条目", unpublishedHeader: "没有发布的条目" },
    },
    editor: {
      editorControl: { field: { optional: "可不填", widgetLabel: "一栏" } },
      editorControlPane: {
        widget: {
          required: "“%{fieldLabel}”要填",
          regexPattern: "“%{fieldLabel}”%{pattern}",
          range: "“%{fieldLabel}”要在 %{minValue} 和 %{maxValue} 之间",
          min: "“%{fieldLabel}”最小是 %{minValue}",
          max: "“%{fieldLabel}”最大是 %{maxValue}",
          rangeMin: "“%{fieldLabel}”至少要有 %{minCount} 项",
          rangeMax: "“%{fieldLabel}”最多 %{maxCount} 项",
        },
      },
      editor: {
        onLeavePage: "填的内容还没有保存，要离开吗？",
        loadingEntry: "正在打开条目……",
        confirmLoadBackup: "这个条目上次有填了没有保存的内容，要接着填吗？",
      },
      editorInterface: { togglePreview: "显示或收起右边的核查和预览", toggleScrollSync: "两边一起滚动", toggleNotes: "备注" },
      editorToolbar: {
        publishing: "正在保存……",
        publish: "保存",
        published: "已保存",
        duplicate: "照着新建一个",
        publishNow: "核查并保存",
        publishAndCreateNew: "保存，再新建一个",
        publishAndDuplicate: "保存，再照着新建一个",
        backCollection: "正在编辑：%{collectionLabel}",
        unsavedChanges: "有没保存的修改",
        changesSaved: "没有要保存的修改",
      },
      editorWidgets: {
        datetime: { now: "今天", clear: "清除", setToNow: "填上今天" },
        list: { add: "加一项：%{item}", addType: "加一项：%{item}" },
        object: { expand: "展开", collapse: "收起" },
        unknownControl: { noControl: "这一栏不能在表单里填（%{widget}）" },
      },
    },
    ui: {
      default: { goBackToSite: "返回" },
      errorBoundary: {
        title: "出错了",
        details: "表单出了错，填的内容在下面，请先抄下来。可以",
        reportIt: "报告这个错误。",
        privacyWarning: "报告以前请删去不该给别人看的内容。",
      },
      settingsDropdown: { logOut: "退出", account: "更多" },
      toast: {
        onFailToLoadEntries: "读不出来：%{details}",
        onFailToPersist: "没有保存。%{details}",
        onFailToDelete: "没有删除。%{details}",
        missingRequiredField: "没有保存：有必填的栏还没有填，标红的就是。",
        entrySaved: "已保存到政策库的文件里",
      },
    },
  };

  CMS.registerLocale("zh_Hans", merge(CMS.getLocale("zh_Hans"), words));

  // What the choosers say is written into them in English, and is told in no translation.
  const fixed = { "No options": "没有可选的", "Loading options…": "正在读取……", "Loading...": "正在读取……", "Select...": "请选" };

  const DRAG = "要换位置：按空格拿起，用方向键移动，再按空格放下，按 Esc 取消。";

  /** Put these words right below a part of the page, and in what is read aloud of its buttons. */
  function translate(root) {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const text = node.data.trim();
      if (fixed[text]) node.data = fixed[text];
      else if (text.startsWith("To pick up a draggable item")) node.data = DRAG;
    }
    for (const button of [root, ...root.querySelectorAll("[aria-label^='Remove ']")]) {
      const name = button.getAttribute("aria-label");
      if (name?.startsWith("Remove ")) button.setAttribute("aria-label", name.replace("Remove ", "去掉"));
    }
  }

  /** Name the buttons of an item of a list, which have pictures alone. */
  function nameButtons(root) {
    for (const button of root.querySelectorAll("[class*='-TopBarButton']:not([aria-label])")) {
      const last = button === button.parentElement.lastElementChild;
      const name = button.tagName === "SPAN" ? "拖动换位置" : last ? "去掉这一项" : "展开或收起这一项";
      button.setAttribute("aria-label", name);
    }
  }

  new MutationObserver((changes) => {
    for (const change of changes) {
      for (const node of change.addedNodes) {
        if (node.nodeType === Node.ELEMENT_NODE) {
          translate(node);
          nameButtons(node);
        } else if (fixed[node.data]) node.data = fixed[node.data];
      }
    }
  }).observe(document, { childList: true, subtree: true });
})();
