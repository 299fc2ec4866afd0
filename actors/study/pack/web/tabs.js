// The four acts of the page: one shown at a time, its name kept in the address.

function tabbed(acts) {
  const tabs = acts.map((act, place) => el('button', {
    id: `tab-${act.key}`, class: 'tab', type: 'button', role: 'tab', 'aria-controls': act.key,
    on: { click: () => show(place, true) },
  }, el('span', { class: 'numeral', 'aria-hidden': 'true' }, act.numeral), act.name));
  const panels = acts.map((act) => el('section', {
    id: act.key, class: `act act-${act.key}`, role: 'tabpanel', 'aria-labelledby': `tab-${act.key}`, tabindex: '-1',
  }, act.body));

  function show(place, remember) {
    tabs.forEach((tab, at) => {
      tab.setAttribute('aria-selected', String(at === place));
      tab.tabIndex = at === place ? 0 : -1;
      panels[at].hidden = at !== place;
    });
    if (remember) history.replaceState(null, '', `#${acts[place].key}`);
    if (acts[place].shown) acts[place].shown();
  }

  const list = el('div', { class: 'tabs', role: 'tablist', 'aria-label': 'Parts of this study pack', on: { keydown(event) {
    const at = tabs.indexOf(document.activeElement);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    const place = (to + tabs.length) % tabs.length;
    show(place, true);
    tabs[place].focus();
  } } }, tabs);

  const named = (key) => acts.findIndex((act) => act.key === key);
  addEventListener('hashchange', () => { const at = named(location.hash.slice(1)); if (at >= 0) show(at, false); });
  return { list, panels, open: (key, remember) => show(Math.max(0, named(key)), remember) };
}
