// @ts-check
// The errors of a form, each next to its field.
/** @import { FieldError } from "./types.d.ts" */
import { byId } from "./dom.js";

/** @typedef {HTMLInputElement | HTMLSelectElement} Field */

/**
 * Show each error in the element after its field, which has the field's id and "-error". Returns those of no field.
 * @param {Field[]} fields
 * @param {FieldError[]} errors
 */
export function showFieldErrors(fields, errors) {
  for (const field of fields) {
    const text = errors
      .filter((error) => error.field === field.name)
      .map((error) => error.message)
      .join("; ");
    byId(`${field.id}-error`).textContent = text && `${nameOf(field)} ${text}`;
    field.setAttribute("aria-invalid", String(Boolean(text)));
  }
  return errors.filter((error) => !fields.some(({ name }) => name === error.field));
}

/** Move the focus to the first field with an error. @param {Field[]} fields */
export const focusFirstError = (fields) =>
  fields.find((field) => field.getAttribute("aria-invalid") === "true")?.focus();

/** The field's label, without its unit. @param {Field} field */
const nameOf = (field) => field.labels?.[0].firstChild?.textContent?.trim() ?? field.name;
