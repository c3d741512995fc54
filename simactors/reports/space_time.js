"use strict";
// Points at an event's message and at everything that may have led to it. Without this, the page is still complete.
(() => {
  const causes = JSON.parse(document.getElementById("causes").textContent);
  const about = document.getElementById("about");
  const diagrams = [...document.querySelectorAll(".diagram")];
  let pinned = null;

  function past(number) {
    const found = new Set([number]);
    const edge = [number];
    while (edge.length) for (const cause of causes[edge.pop()]) if (!found.has(cause)) { found.add(cause); edge.push(cause); }
    return found;
  }

  function show(number) {
    const led = number === null ? new Set() : past(number);
    for (const diagram of diagrams) {
      diagram.classList.toggle("focus", number !== null);
      for (const one of diagram.querySelectorAll("[data-n]")) {
        const own = Number(one.dataset.n);
        one.classList.toggle("past", led.has(own));
        one.classList.toggle("chosen", own === number);
      }
      for (const one of diagram.querySelectorAll("[data-s]")) {
        const source = Number(one.dataset.s);
        const target = one.dataset.t === "" ? null : Number(one.dataset.t);
        const own = number !== null && (source === number || target === number);
        one.classList.toggle("own", own);
        one.classList.toggle("past", own || (target !== null && led.has(target) && led.has(source)));
      }
    }
    tell(number, led);
  }

  function tell(number, led) {
    const row = number === null ? null : document.querySelector(`tr[data-n="${number}"]`);
    about.hidden = row === null;
    if (row === null) return;
    about.replaceChildren();
    const words = document.createElement("div");
    words.textContent = row.dataset.words;
    const more = document.createElement("small");
    const pin = pinned === number ? "Esc lets go" : "click to hold";
    more.textContent = `step ${number + 1} of ${causes.length}; ${led.size - 1} steps may have led to it; ${pin}`;
    about.append(words, more);
  }

  function choose(row) {
    const number = Number(row.dataset.n);
    pinned = pinned === number ? null : number;
    show(pinned);
  }

  for (const diagram of diagrams) {
    diagram.addEventListener("mouseover", (event) => {
      const row = event.target.closest("tr.event");
      if (pinned === null) show(row && !event.target.closest(".drawn") ? Number(row.dataset.n) : null);
    });
    diagram.addEventListener("mousemove", (event) => {
      const drawn = event.target.closest(".drawn");
      if (pinned === null && drawn) show(at(drawn, event));
    });
    diagram.addEventListener("mouseleave", () => { if (pinned === null) show(null); });
    diagram.addEventListener("click", (event) => {
      const drawn = event.target.closest(".drawn");
      const number = drawn ? at(drawn, event) : null;
      const row = drawn ? number !== null && diagram.querySelector(`tr[data-n="${number}"]`) : event.target.closest("tr.event");
      if (row) choose(row);
    });
  }

  // The row of the picture that the mouse is in: rows and picture have the same heights.
  let latest = [null, null, null];
  function at(drawn, event) {
    const y = event.clientY - drawn.getBoundingClientRect().top;
    if (latest[0] === drawn && latest[1] === Math.floor(y / 4)) return latest[2];
    let number = null;
    for (const row of drawn.closest("tbody").rows) {
      const box = row.getBoundingClientRect();
      const top = box.top - drawn.getBoundingClientRect().top;
      if (y >= top && y < top + Number(row.dataset.height)) number = row.dataset.n === undefined ? null : Number(row.dataset.n);
    }
    latest = [drawn, Math.floor(y / 4), number];
    return number;
  }

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { pinned = null; show(null); return; }
    const row = document.activeElement && document.activeElement.closest("tr.event");
    if (!row) return;
    if (event.key === "Enter" || event.key === " ") { event.preventDefault(); choose(row); }
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const rows = [...row.closest("table").querySelectorAll("tr.event")];
      const next = rows[rows.indexOf(row) + (event.key === "ArrowDown" ? 1 : -1)];
      if (next) { event.preventDefault(); row.tabIndex = -1; next.tabIndex = 0; next.focus(); if (pinned !== null) choose(next); }
    }
  });

  for (const link of document.querySelectorAll("[data-go]")) {
    link.addEventListener("click", (event) => {
      const row = [...document.querySelectorAll(`tr[data-n="${link.dataset.go}"]`)].find((one) => one.offsetParent);
      if (!row) return;
      event.preventDefault();
      row.scrollIntoView({ block: "center", behavior: "smooth" });
      pinned = Number(row.dataset.n);
      show(pinned);
    });
  }

  const copy = document.getElementById("copy");
  if (copy) copy.addEventListener("click", async () => {
    const command = document.getElementById("command");
    try { await navigator.clipboard.writeText(command.textContent); copy.textContent = "Copied"; } catch {
      const range = document.createRange();
      range.selectNodeContents(command);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      copy.textContent = document.execCommand("copy") ? "Copied" : "Press Ctrl-C";
    }
    setTimeout(() => { copy.textContent = "Copy"; }, 1500);
  });
})();
