// Elements built from text alone: nothing the pack holds is ever read as markup.

const SVG_NAMESPACE = 'http://www.w3.org/2000/svg';

function grow(node, props, children) {
  for (const [key, value] of Object.entries(props || {})) {
    if (value === false || value === null || value === undefined) continue;
    if (key === 'on') for (const [event, run] of Object.entries(value)) node.addEventListener(event, run);
    else node.setAttribute(key, value === true ? '' : String(value));
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

const el = (tag, props, ...children) => grow(document.createElement(tag), props, children);
const svg = (tag, props, ...children) => grow(document.createElementNS(SVG_NAMESPACE, tag), props, children);

const count = (number, one, many) => `${number.toLocaleString('en')} ${number === 1 ? one : many || `${one}s`}`;
const spoken = (type) => type.replace(/_/g, ' ');
const still = () => matchMedia('(prefers-reduced-motion: reduce)').matches;

function reveal(node) {
  const box = node.getBoundingClientRect();
  const by = box.top < 64 ? box.top - 80 : Math.min(box.bottom - innerHeight + 24, box.top - innerHeight * 0.45);
  if (box.top < 64 || by > 0) scrollBy({ top: by, behavior: still() ? 'auto' : 'smooth' });
}
