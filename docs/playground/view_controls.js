"use strict";

/* Presets, buttons, choices, and the two dialogs: the link, and the Python. */
const ViewControls = (() => {
  const { el, find, set } = Dom;
  const PART_WORDS = {
    presets: "Presets",
    hint: "Sentence about the preset",
    people: "Data",
    missing: "How missing is coded",
    chain: "Controls of the chain",
    network: "Network",
    weights: "Weights",
    landscape: "Landscape",
    states: "Most probable states",
    train: "Controls of training",
    method: "Choice of the method",
    gradient: "Gradient",
    curves: "Curves",
    python: "Copy as rbm_lib",
  };

  function buildPresets(app) {
    const buttons = Object.entries(State.PRESETS).map(([name, preset]) =>
      el("button", {
        "data-preset": name,
        text: preset.label,
        onclick: () => {
          app.load({ ...State.preset(name), hide: app.state.hide });
          app.save();
        },
      }),
    );
    find("presets").replaceChildren(...buttons);
  }

  function options(select, values) {
    select.replaceChildren(
      ...values.map((value) => el("option", { value, text: String(value) })),
    );
  }

  /** Changes a number of hidden units; the weights start anew. */
  function changeHidden(app, hidden) {
    app.state.hidden = hidden;
    app.newWeights();
  }

  function copy(text, status) {
    const done = () => (status.textContent = "Copied.");
    const failed = () => (status.textContent = "Select the text and copy it by hand.");
    if (navigator.clipboard) navigator.clipboard.writeText(text).then(done, failed);
    else failed();
  }

  function openDialog(id) {
    const dialog = find(id);
    dialog.querySelector("[role=status]").textContent = "";
    dialog.showModal();
  }

  const address = (state) => location.href.replace(/[?#].*$/, "") + State.write(state);

  function startShare(app) {
    if (location.protocol === "about:") {
      find("open-share").remove(); // within a notebook the page has no address to share
      return;
    }
    const boxes = State.PARTS.map((part) => el("input", { type: "checkbox", value: part }));
    const show = () => {
      const hide = boxes.filter((box) => !box.checked).map((box) => box.value);
      find("link").value = address({ ...app.state, hide });
    };
    const labels = boxes.map((box) => el("label", {}, box, ` ${PART_WORDS[box.value]}`));
    find("parts").replaceChildren(...labels);
    find("parts").addEventListener("change", show);
    find("open-share").addEventListener("click", () => {
      boxes.forEach((box) => (box.checked = !app.state.hide.includes(box.value)));
      show();
      openDialog("share");
    });
    find("copy-link").addEventListener("click", () =>
      copy(find("link").value, find("link-status")),
    );
  }

  function startPython(app) {
    find("open-python").addEventListener("click", () => {
      find("code").value = Python.code(app.state);
      openDialog("python");
      find("code").setSelectionRange(0, 0);
      find("code").scrollTop = 0;
    });
    find("copy-python").addEventListener("click", () =>
      copy(find("code").value, find("python-status")),
    );
  }

  function start(app) {
    buildPresets(app);
    startShare(app);
    startPython(app);
    options(find("rate"), State.RATES);
    const click = (id, action) => find(id).addEventListener("click", action);
    click("step", app.stepChain);
    click("run", () => app.toggle("chain", app.runChain));
    click("restart", () => app.choosePerson(app.state.person));
    click("train", () => app.toggle("training", app.runTraining));
    click("update", () => {
      app.train(1);
      app.save();
    });
    click("new-weights", app.newWeights);
    find("speed").addEventListener("change", (event) =>
      app.change({ speed: event.target.value }),
    );
    find("rate").addEventListener("change", (event) =>
      app.change({ rate: Number(event.target.value) }),
    );
    find("hidden").addEventListener("change", (event) =>
      changeHidden(app, Number(event.target.value)),
    );
    for (const input of document.querySelectorAll("[name=method]")) {
      input.addEventListener("change", () => app.change({ method: input.value }));
    }
  }

  function render(app) {
    const { state, running } = app;
    for (const button of find("presets").children) {
      set(button, { "aria-pressed": String(button.dataset.preset === state.preset) });
    }
    find("hint").textContent = State.PRESETS[state.preset].hint;
    find("run").textContent = running.chain ? "Pause" : "Run";
    find("train").textContent = running.training ? "Pause" : "Train";
    find("step").textContent = app.chain.last === "h" ? "Draw visible" : "Draw hidden";
    find("speed").value = state.speed;
    find("rate").value = state.rate;
    if (find("hidden").dataset.data !== state.data) {
      options(find("hidden"), State.HIDDEN[state.data]);
      find("hidden").dataset.data = state.data;
    }
    find("hidden").value = state.hidden;
    for (const input of document.querySelectorAll("[name=method]"))
      input.checked = input.value === state.method;
    for (const element of document.querySelectorAll("[data-part]")) {
      element.hidden = state.hide.includes(element.dataset.part);
    }
    const isComplete = !state.rows.some((text) => text.includes(State.MISSING));
    find("missing").disabled = isComplete;
  }

  return { render, start };
})();
