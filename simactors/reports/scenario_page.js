"use strict";
// The timeline. All else on the page is there without it.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const line = data.timeline;
  if (line === null) return;
  const canvas = document.getElementById("canvas"), about = document.getElementById("about"), where = document.getElementById("where");
  const search = document.getElementById("filter"), only = document.getElementById("only"), arrows = document.getElementById("arrows");
  const paint = canvas.getContext("2d");
  const AXIS = 26, LANE = 13, GAP = 5, HEAD = 20, NAMES = 190, MOST_HEIGHT = 640, MOST_ARROWS = 400;

  // Columns, as whole tenths of a microsecond.
  const count = line.row.length;
  const start = new Float64Array(count), end = new Float64Array(count);
  for (let n = 0, now = 0; n < count; n++) { now += line.start[n]; start[n] = now; end[n] = now + line.took[n]; }
  const bySource = line.rows.map(() => []), longest = line.rows.map(() => 0);
  for (let n = 0; n < count; n++) {
    const row = line.row[n];
    bySource[row].push(n);
    longest[row] = Math.max(longest[row], line.took[n]);
  }
  const whole = { from: 0, to: Math.max(line.duration, 1) };
  let view = { ...whole }, top = 0, shown = [], height = 0, pointed = -1, chosen = -1, mark = null, wanted = null, width = 0;

  const seconds = (tenths) => {
    const value = tenths / 1e7;
    const [unit, factor] = value >= 1 || value === 0 ? ["s", 1] : value >= 1e-3 ? ["ms", 1e3] : ["µs", 1e6];
    return `${Number((value * factor).toPrecision(6))} ${unit}`;
  };
  const ENDS = ["returned", "raised an exception", "ended with its process", "had not ended when the run did"];
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  let colours = {};
  const readColours = () => {
    for (const name of ["paper", "ink", "soft", "rule", "raised", "track", "ok", "bad", "dead", "open", "fault", "chosen"]) colours[name] = colour(`--${name}`);
  };

  function layOut() {
    const words = search.value.toLowerCase();
    wanted = new Uint8Array(count);
    const labels = line.labels.map((label) => label.toLowerCase().includes(words));
    const rows = line.rows.map(([name, process, node]) => `${name} ${process} ${node}`.toLowerCase().includes(words));
    const seen = line.rows.map(() => false);
    for (let n = 0; n < count; n++) {
      const fits = (rows[line.row[n]] || labels[line.label[n]]) && (only.value === "all" || line.ended[n] === 1 || line.ended[n] === 2);
      if (fits) { wanted[n] = 1; seen[line.row[n]] = true; }
    }
    shown = [];
    let y = 0, node = null;
    const order = line.rows.map((_, row) => row).sort((a, b) => (line.rows[a][2] < line.rows[b][2] ? -1 : line.rows[a][2] > line.rows[b][2] ? 1 : a - b));
    for (const row of order) {
      if (!seen[row] && (words !== "" || only.value !== "all")) continue;
      if (line.rows[row][2] !== node) { node = line.rows[row][2]; shown.push({ node: node || "no node", y }); y += HEAD; }
      shown.push({ row, y, tall: line.rows[row][3] * LANE + GAP });
      y += line.rows[row][3] * LANE + GAP;
    }
    height = y;
    top = Math.max(0, Math.min(top, height - room()));
    draw();
  }
  const room = () => Math.min(MOST_HEIGHT, Math.max(height, 60));
  const x = (time) => NAMES + ((time - view.from) / (view.to - view.from)) * (width - NAMES);
  const timeAt = (px) => view.from + ((px - NAMES) / (width - NAMES)) * (view.to - view.from);

  // The first span of a row that may reach into the view: none before it is long enough.
  function first(spans, row) {
    const from = view.from - longest[row];
    let low = 0, high = spans.length;
    while (low < high) { const middle = (low + high) >> 1; if (start[spans[middle]] < from) low = middle + 1; else high = middle; }
    return low;
  }

  let waits = false;
  function draw() { if (!waits) { waits = true; requestAnimationFrame(() => { waits = false; drawNow(); }); } }

  function drawNow() {
    const ratio = window.devicePixelRatio || 1, tall = room() + AXIS;
    width = canvas.clientWidth;
    canvas.width = Math.round(width * ratio); canvas.height = Math.round(tall * ratio); canvas.style.height = `${tall}px`;
    paint.setTransform(ratio, 0, 0, ratio, 0, 0);
    paint.fillStyle = colours.paper; paint.fillRect(0, 0, width, tall);
    paint.font = "11px system-ui, sans-serif"; paint.textBaseline = "middle";
    drawFaults(tall);
    paint.save(); paint.beginPath(); paint.rect(0, AXIS, width, tall - AXIS); paint.clip();
    const places = new Map();
    let drawn = 0;
    for (const part of shown) {
      const y = AXIS + part.y - top;
      if (part.node === undefined) places.set(part.row, part);
      if (y > tall || y + (part.tall || HEAD) < AXIS) continue;
      if (part.node !== undefined) {
        paint.fillStyle = colours.raised; paint.fillRect(0, y, width, HEAD);
        paint.fillStyle = colours.ink; paint.fillText(part.node, 8, y + HEAD / 2);
        continue;
      }
      drawn += drawRow(part, y);
    }
    if (arrows.checked) drawArrows(places);
    paint.restore();
    drawAxis(tall);
    where.textContent = `${seconds(view.from)} to ${seconds(view.to)}; ${drawn.toLocaleString("en")} of ${count.toLocaleString("en")} calls in view` +
      (line.every > 1 ? `; 1 of ${line.every} calls of the run is drawn` : "") + (line.left_out ? `; ${line.left_out} processes have no row` : "");
    canvas.dataset.drawn = drawn;
  }

  // What tells rows apart, a number, is at the end of a name: one that is too long is cut in its middle.
  const fits = new Map();
  function fitting(name) {
    if (!fits.has(name)) {
      const room = NAMES - 24, start = Math.max(name.lastIndexOf("#"), 0), end = start ? name.slice(start) : name.slice(-8);
      let kept = name;
      for (let length = name.length - end.length; length > 0 && paint.measureText(kept).width > room; length--) kept = `${name.slice(0, length)}…${end}`;
      fits.set(name, kept);
    }
    return fits.get(name);
  }

  function drawRow(part, y) {
    const spans = bySource[part.row], [name, process] = line.rows[part.row];
    paint.fillStyle = colours.soft;
    paint.save(); paint.beginPath(); paint.rect(0, y, NAMES - 8, part.tall); paint.clip();
    paint.fillText(fitting(name === process ? name : `${name}  ${process}`), 16, y + LANE / 2 + 1);
    paint.restore();
    const [, , , , born, died] = line.rows[part.row];
    const alive = Math.max(x(born), NAMES), gone = died < 0 ? width : Math.min(x(died), width);
    paint.globalAlpha = 0.6;  // what goes wrong shines through
    paint.fillStyle = colours.track; paint.fillRect(alive, y, Math.max(gone - alive, 0), part.tall - GAP);
    paint.globalAlpha = 1;
    if (died >= 0 && gone >= NAMES && gone < width) { paint.fillStyle = colours.dead; paint.fillText("✕", gone - 4, y + LANE / 2); }
    const filled = new Int32Array(line.rows[part.row][3]).fill(-1);
    let drawn = 0;
    for (let at = first(spans, part.row); at < spans.length; at++) {
      const n = spans[at];
      if (start[n] > view.to) break;
      if (end[n] < view.from || !wanted[n]) continue;
      drawn++;
      const lane = line.lane[n], left = Math.max(x(start[n]), NAMES), right = Math.min(x(end[n]), width);
      const bad = line.ended[n] === 1 || line.ended[n] === 2;
      // What falls into a pixel that is taken already would change nothing: that is what keeps 100,000 calls fast.
      if (!bad && right <= filled[lane]) continue;
      filled[lane] = Math.ceil(Math.max(right, left + 1));
      const wide = Math.max(right - left, 1), ly = y + lane * LANE;
      paint.fillStyle = n === chosen ? colours.chosen : [colours.ok, colours.bad, colours.dead, colours.open][line.ended[n]];
      paint.fillRect(left, ly, wide, LANE - 2);
      if (bad) { paint.fillStyle = colours.bad; paint.fillRect(left, ly - 2, Math.max(wide, 3), 2); }
      if (wide > 46) {
        paint.save(); paint.beginPath(); paint.rect(left, ly, wide - 3, LANE); paint.clip();
        paint.fillStyle = colours.paper; paint.fillText(line.labels[line.label[n]], left + 4, ly + LANE / 2);
        paint.restore();
      }
    }
    return drawn;
  }

  const middle = (part, lane) => AXIS + part.y - top + lane * LANE + LANE / 2 - 1;

  // Messages of what is in view, if they are few enough to be told apart; of a chosen call always.
  function drawArrows(places) {
    const found = [];
    for (const [row, part] of places) {
      const y = AXIS + part.y - top;
      if (y > room() + AXIS || y + part.tall < AXIS) continue;
      const spans = bySource[row];
      for (let at = first(spans, row); at < spans.length && found.length <= MOST_ARROWS; at++) {
        if (start[spans[at]] > view.to) break;
        if (wanted[spans[at]] && line.source[spans[at]] >= 0 && end[spans[at]] >= view.from) found.push(spans[at]);
      }
    }
    const all = found.length > MOST_ARROWS ? (chosen >= 0 ? [chosen] : []) : found;
    canvas.dataset.arrows = all.length;
    for (const n of all) {
      const source = places.get(line.source[n]), target = places.get(line.row[n]);
      if (!source || !target) continue;
      const loud = n === chosen || n === pointed;
      paint.globalAlpha = loud ? 1 : 0.45; paint.lineWidth = loud ? 1.8 : 1;
      arrow(x(start[n] - line.ahead[n]), middle(source, 0), x(start[n]), middle(target, line.lane[n]), colours.soft, false);
      if (line.back[n] >= 0) arrow(x(end[n]), middle(target, line.lane[n]), x(end[n] + line.back[n]), middle(source, 0), line.ended[n] === 0 ? colours.soft : colours.bad, true);
      paint.globalAlpha = 1;
    }
  }

  function arrow(x1, y1, x2, y2, ink, dashed) {
    const turn = Math.atan2(y2 - y1, x2 - x1);
    paint.strokeStyle = paint.fillStyle = ink;
    paint.setLineDash(dashed ? [4, 3] : []);
    paint.beginPath(); paint.moveTo(x1, y1); paint.lineTo(x2, y2); paint.stroke();
    paint.setLineDash([]);
    paint.beginPath(); paint.moveTo(x2, y2);
    paint.lineTo(x2 - 6 * Math.cos(turn - 0.4), y2 - 6 * Math.sin(turn - 0.4));
    paint.lineTo(x2 - 6 * Math.cos(turn + 0.4), y2 - 6 * Math.sin(turn + 0.4)); paint.fill();
  }

  function drawFaults(tall) {
    for (const fault of data.faults) {
      const left = Math.max(x(fault.start), NAMES), right = fault.end === null ? left + 2 : Math.min(x(fault.end), width);
      if (right < NAMES || left > width || right < left) continue;
      paint.globalAlpha = 0.28; paint.fillStyle = colours.fault; paint.fillRect(left, 0, Math.max(right - left, 2), tall); paint.globalAlpha = 1;
    }
    if (mark !== null) { paint.fillStyle = colours.chosen; paint.fillRect(x(mark) - 1, 0, 2, tall); }
  }

  function drawAxis(tall) {
    paint.fillStyle = colours.soft; paint.strokeStyle = colours.rule;
    const rough = (view.to - view.from) / Math.max((width - NAMES) / 110, 1), power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough);
    for (let time = Math.ceil(view.from / step) * step; time <= view.to; time += step) {
      const at = x(time);
      paint.beginPath(); paint.moveTo(at, AXIS - 5); paint.lineTo(at, tall); paint.globalAlpha = 0.5; paint.stroke(); paint.globalAlpha = 1;
      if (at < width - 50) paint.fillText(seconds(time), at + 3, AXIS / 2);
    }
  }

  function look(from, to) {
    const least = 20, span = Math.min(Math.max(to - from, least), whole.to);
    from = Math.max(0, Math.min(from, whole.to - span));
    view = { from, to: from + span };
    draw();
  }
  function zoom(factor, around) { look(around - (around - view.from) * factor, around + (view.to - around) * factor); }

  function hit(event) {
    const box = canvas.getBoundingClientRect(), px = event.clientX - box.left, py = event.clientY - box.top - AXIS + top;
    const part = shown.find((one) => one.row !== undefined && py >= one.y && py < one.y + one.tall);
    if (!part || px < NAMES) return -1;
    const lane = Math.min(Math.floor((py - part.y) / LANE), line.rows[part.row][3] - 1), time = timeAt(px);
    const spans = bySource[part.row], near = (view.to - view.from) / (width - NAMES) * 3;
    let found = -1, best = near;
    for (let at = first(spans, part.row); at < spans.length; at++) {
      const n = spans[at];
      if (start[n] > time + near) break;
      if (line.lane[n] !== lane || !wanted[n]) continue;
      const away = Math.max(start[n] - time, time - end[n], 0);
      if (away <= best) { found = n; best = away; }
    }
    return found;
  }

  function tell(n, event) {
    about.hidden = n < 0;
    if (n < 0) return;
    const source = line.source[n], parts = [
      `${line.labels[line.label[n]]} #${line.call[n]}`,
      `ran at ${line.rows[line.row[n]][0]} for ${seconds(line.took[n])}, from ${seconds(start[n])} on`,
      `called by ${source < 0 ? "somebody without a row" : line.rows[source][0]} ${seconds(line.ahead[n])} before`,
      ENDS[line.ended[n]] + (line.back[n] < 0 ? "" : `; the answer was there ${seconds(line.back[n])} later`),
    ];
    about.textContent = parts.join("\n");
    const box = document.getElementById("timeline").getBoundingClientRect();
    about.style.left = `${Math.min(event.clientX - box.left + 14, box.width - about.offsetWidth - 8)}px`;
    about.style.top = `${Math.min(event.clientY - box.top + 14, box.height - about.offsetHeight - 8)}px`;
  }

  let drag = null;
  canvas.addEventListener("pointerdown", (event) => { drag = { x: event.clientX, y: event.clientY, from: view.from, to: view.to, top, moved: false }; canvas.setPointerCapture(event.pointerId); });
  canvas.addEventListener("pointermove", (event) => {
    if (drag) {
      const by = ((event.clientX - drag.x) / (width - NAMES)) * (drag.to - drag.from);
      drag.moved ||= Math.abs(event.clientX - drag.x) + Math.abs(event.clientY - drag.y) > 3;
      top = Math.max(0, Math.min(drag.top - (event.clientY - drag.y), height - room()));
      look(drag.from - by, drag.to - by);
      return;
    }
    const n = hit(event);
    if (n !== pointed) { pointed = n; draw(); }
    tell(n, event);
  });
  canvas.addEventListener("pointerup", (event) => { if (drag && !drag.moved) { chosen = hit(event); draw(); } drag = null; });
  canvas.addEventListener("pointerleave", () => { pointed = -1; about.hidden = true; draw(); });
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    if (event.shiftKey) { top = Math.max(0, Math.min(top + event.deltaY, height - room())); draw(); return; }
    zoom(event.deltaY > 0 ? 1.25 : 0.8, timeAt(event.clientX - canvas.getBoundingClientRect().left));
  }, { passive: false });
  canvas.addEventListener("keydown", (event) => {
    const span = view.to - view.from, middle = (view.from + view.to) / 2;
    const keys = {
      ArrowLeft: () => look(view.from - span / 5, view.to - span / 5), ArrowRight: () => look(view.from + span / 5, view.to + span / 5),
      ArrowUp: () => { top = Math.max(0, top - 40); draw(); }, ArrowDown: () => { top = Math.max(0, Math.min(top + 40, height - room())); draw(); },
      "+": () => zoom(0.6, middle), "-": () => zoom(1.6, middle), "0": () => look(0, whole.to),
    };
    if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
  });
  search.addEventListener("input", layOut);
  only.addEventListener("change", layOut);
  arrows.addEventListener("change", draw);
  document.getElementById("in").addEventListener("click", () => zoom(0.5, (view.from + view.to) / 2));
  document.getElementById("out").addEventListener("click", () => zoom(2, (view.from + view.to) / 2));
  document.getElementById("all").addEventListener("click", () => look(0, whole.to));
  for (const button of document.querySelectorAll("button.moment")) {
    button.addEventListener("click", () => {
      mark = Number(button.dataset.at);
      const span = Math.max(whole.to / 50, 100);
      document.getElementById("timeline").scrollIntoView({ behavior: "smooth", block: "nearest" });
      look(mark - span / 2, mark + span / 2);
    });
  }
  window.addEventListener("resize", draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { readColours(); draw(); });
  readColours(); layOut();
})();
