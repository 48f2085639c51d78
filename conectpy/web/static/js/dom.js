// The few things that all pages do with their document.

/**
 * The element with this id, which the template promises.
 * @param {string} id
 * @returns {any} whatever kind of element it is
 */
export function byId(id) {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`the page has no element ${id}`);
  return element;
}

/**
 * What the server wrote into the page as JSON.
 * @param {string} id
 */
export const dataOf = (id) => JSON.parse(byId(id).textContent);

/**
 * All elements that a selector finds.
 * @param {string} selector
 * @returns {HTMLElement[]}
 */
export const all = (selector) => [...document.querySelectorAll(/** @type {"div"} */ (selector))];

/**
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} tag
 * @param {string} [className]
 * @param {string} [text]
 */
export function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element of an SVG with its attributes.
 * @template {keyof SVGElementTagNameMap} Name
 * @param {Name} tag
 * @param {Record<string, string>} attributes
 */
export function makeSvg(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

/**
 * Touches the document only where something changes.
 * @param {Node} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** A form's empty field is no filter: it is left out of the address. */
export function leaveOutEmptyFields() {
  byId("filter").addEventListener("formdata", (event) => {
    for (const [name, value] of [...event.formData]) if (value === "") event.formData.delete(name);
  });
}

/** The page's button for printing. */
export function listenToPrint() {
  document.querySelector("[data-print]")?.addEventListener("click", () => print());
}

/** Why something failed, for people. @param {unknown} error */
export const reasonOf = (error) => (error instanceof Error ? error.message : String(error));
