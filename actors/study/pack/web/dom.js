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
  if (box.top > innerHeight * 0.8 || box.top < 0) node.scrollIntoView({ block: 'nearest', behavior: still() ? 'auto' : 'smooth' });
}
