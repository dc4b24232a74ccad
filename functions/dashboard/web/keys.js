// @ts-check
// The API key: embedded in the page, or entered by the user and kept in this tab only.
import { byId, dialogById, inputById } from "./dom.js";
import { Api, Problem } from "./http.js";

const STORED = "order-engine-key";
// The characters that are allowed in both a header and a subprotocol.
const USABLE = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/;

export class Keys {
  #preset;
  #onChange;
  #dialog = dialogById("key-dialog");
  #input = inputById("key-input");

  /**
   * `preset` is the embedded key, or empty; `onChange` is called with each new key.
   * @param {string} preset
   * @param {(key: string) => void} onChange
   */
  constructor(preset, onChange) {
    this.#preset = preset;
    this.#onChange = onChange;
    byId("key-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#try(this.#input.value.trim());
    });
    byId("key-cancel").addEventListener("click", () => this.#dialog.close());
    this.#dialog.addEventListener("cancel", (event) => this.current || event.preventDefault());
    byId("key-change").addEventListener("click", () => (sessionStorage.getItem(STORED) ? this.#forget() : this.ask()));
  }

  /** The key in use; empty when there is none. */
  get current() {
    return sessionStorage.getItem(STORED) ?? this.#preset;
  }

  /** Show the dialog for a key, with the reason as its error. */
  ask(why = "") {
    byId("key-error").textContent = why;
    this.#input.value = "";
    byId("key-cancel").hidden = !this.current || Boolean(why);
    if (!this.#dialog.open) this.#dialog.showModal();
    this.#input.focus();
  }

  /** Show which key is in use. */
  show() {
    const own = sessionStorage.getItem(STORED);
    byId("key-chip").hidden = !this.current;
    byId("key-text").textContent = `Key …${this.current.slice(-4)}`;
    byId("key-change").textContent = own ? "Forget key" : "Change key";
  }

  /** The key is not valid, or no longer. */
  refused() {
    sessionStorage.removeItem(STORED);
    this.#preset = "";
    this.show();
    this.ask("The engine does not accept this key. Enter another one.");
  }

  /** Forget the key, and everything that was loaded with it. */
  #forget() {
    sessionStorage.removeItem(STORED);
    location.reload();
  }

  /** @param {string} key */
  async #try(key) {
    if (!USABLE.test(key)) {
      byId("key-error").textContent = key
        ? "This is not a key: a key has no spaces and only plain characters."
        : "Enter a key.";
      return;
    }
    byId("key-error").textContent = "";
    try {
      await new Api(key).page({ limit: 1 });
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      const refused = error.status === 401 || error.status === 403;
      byId("key-error").textContent = refused ? "The engine does not know this key." : error.message;
      return;
    }
    sessionStorage.setItem(STORED, key);
    this.#dialog.close();
    this.#onChange(key);
  }
}
