// The dialog in which a token is entered. It stays in this tab, or on this machine if the reader wants it to.

import { token } from "../api.js";
import { h } from "../dom.js";

/** Asks for a token; `done` is called when there is another one, or none any more. */
export function askForToken(why, done) {
  const input = h("input", { id: "token", name: "token", type: "password", autocomplete: "off", spellcheck: "false", placeholder: "clout_…", required: true });
  const remember = h("input", { type: "checkbox", name: "remember" });
  const close = () => dialog.close();
  const save = (event) => {
    event.preventDefault();
    token.set(input.value.trim(), remember.checked);
    close();
    done();
  };
  const forget = () => {
    token.forget();
    close();
    done();
  };
  const dialog = h("dialog", { "aria-labelledby": "token-title" },
    h("form", { on: { submit: save } },
      h("h2", { id: "token-title" }, "Token"),
      why && h("p", {}, why),
      h("p", { class: "soft" }, h("code", {}, "clout token add NAME --scope write"), " makes one. Rules need the scope write."),
      h("label", { for: "token" }, "Token"), input,
      h("label", { class: "check" }, remember, "remember it on this machine"),
      h("p", { class: "actions" },
        token.get() && h("button", { type: "button", class: "button plain", on: { click: forget } }, "Forget it"),
        h("button", { type: "button", class: "button plain", on: { click: close } }, "Cancel"),
        h("button", { class: "button" }, "Use it"))));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
