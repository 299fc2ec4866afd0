// Mouse, pen and fingers on the stage, told apart: a tap, a drag of one box, a move of all, a pinch.

const STEADY = 5;

function followPointers(view, does) {
  const down = new Map();
  let held = null;
  let travelled = 0;

  view.addEventListener('pointerdown', (event) => {
    if (event.button) return;
    if (!down.size) { held = event.target.closest('.node'); travelled = 0; }
    down.set(event.pointerId, { x: event.clientX, y: event.clientY });
    does.start();
  });

  view.addEventListener('pointermove', (event) => {
    const last = down.get(event.pointerId);
    if (!last) return;
    const [dx, dy] = [event.clientX - last.x, event.clientY - last.y];
    const before = spread();
    down.set(event.pointerId, { x: event.clientX, y: event.clientY });
    travelled += Math.abs(dx) + Math.abs(dy);
    if (travelled < STEADY) return;
    if (!view.hasPointerCapture(event.pointerId)) view.setPointerCapture(event.pointerId);
    if (down.size === 2) {
      const [one, two] = [...down.values()];
      if (before > 0) does.zoom(spread() / before, (one.x + two.x) / 2, (one.y + two.y) / 2);
      does.pan(dx / 2, dy / 2);
    } else if (held) does.drag(held.node, dx, dy);
    else does.pan(dx, dy);
  });

  const spread = () => {
    const [one, two] = [...down.values()];
    return two ? Math.hypot(one.x - two.x, one.y - two.y) : 0;
  };

  view.addEventListener('pointerup', (event) => {
    if (!down.delete(event.pointerId) || down.size) return;
    if (travelled < STEADY) does.tap(held ? held.node : null);
  });
  view.addEventListener('pointercancel', (event) => down.delete(event.pointerId));
}
