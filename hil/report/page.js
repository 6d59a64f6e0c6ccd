"use strict";
// Draws a case when it is opened; until then its events are packed in an attribute.
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const LEFT = 58, RIGHT = 8, NARROWEST = 300, LANE = 22, LEVELS = 70;

  const make = (name, attributes = {}, text = "") => {
    const made = name.startsWith("svg:")
      ? document.createElementNS(SVG, name.slice(4))
      : document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text) made.textContent = text;
    return made;
  };

  const unpack = async (text) => {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return JSON.parse(await new Response(stream).text());
  };

  // The time axis: x of a moment, and round numbers for its grid.
  const axis = (seconds, width) => {
    const whole = Math.max(seconds, 0.001);
    const rough = whole / Math.max(2, Math.floor(width / 150)), power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((times) => times * power).find((size) => size >= rough);
    const moments = [];
    for (let moment = 0; moment <= whole; moment += step) moments.push(moment);
    return { width, x: (moment) => LEFT + (moment / whole) * (width - LEFT - RIGHT), moments, digits: Math.max(0, -Math.floor(Math.log10(step))) };
  };

  const grid = (svg, time, height) => {
    for (const moment of time.moments) {
      const x = time.x(moment);
      svg.append(make("svg:line", { class: "grid", x1: x, x2: x, y1: 0, y2: height }));
      svg.append(make("svg:text", { x: Math.min(x + 2, time.width - 34), y: height + 12 }, `${moment.toFixed(time.digits)} s`));
    }
  };

  // A lane for each interface. What falls on the same spot is drawn once.
  const timeline = (story, time) => {
    const height = story.lanes.length * LANE;
    const svg = make("svg:svg", { class: "timeline", viewBox: `0 0 ${time.width} ${height + 16}`, role: "img", "aria-label": "timeline across the interfaces" });
    grid(svg, time, height);
    const rows = new Map(story.lanes.map((lane, row) => [lane, row * LANE + LANE / 2]));
    for (const [lane, y] of rows) {
      svg.append(make("svg:text", { x: 0, y: y + 4 }, lane));
      svg.append(make("svg:line", { class: "lane", x1: LEFT, x2: time.width - RIGHT, y1: y, y2: y }));
    }
    const drawn = new Set();
    for (const [seconds, lane, direction, text] of story.events) {
      const x = Math.round(time.x(seconds) * 2) / 2, y = rows.get(lane), spot = `${lane} ${direction} ${x}`;
      if (y === undefined || drawn.has(spot)) continue;
      drawn.add(spot);
      const mark = direction === "" ? make("svg:circle", { class: "fact", cx: x, cy: y, r: 3 })
        : make("svg:line", { class: direction === ">" ? "out" : "in", x1: x, x2: x, y1: direction === ">" ? y - 8 : y, y2: direction === ">" ? y : y + 8 });
      mark.append(make("svg:title", {}, `${seconds.toFixed(3)} s ${lane} ${direction} ${text}`));
      svg.append(mark);
    }
    return svg;
  };

  // Level of the signal as a line, registration and bearer as bands below it.
  const radio = (story, time) => {
    const samples = story.signals, bands = [["registered", 4], ["bearer", 5]];
    const height = LEVELS + bands.length * 14;
    const svg = make("svg:svg", { class: "radio", viewBox: `0 0 ${time.width} ${height + 16}`, role: "img", "aria-label": "signal and state of the radio" });
    grid(svg, time, height);
    const y = (level) => LEVELS - ((Math.max(-140, Math.min(-44, level)) + 140) / 96) * (LEVELS - 6);
    svg.append(make("svg:text", { x: 0, y: 12 }, "RSRP"), make("svg:text", { x: 0, y: 26 }, "dBm"));
    const until = (number) => (number + 1 < samples.length ? samples[number + 1][0] : story.seconds);
    let path = "", pen = false;
    samples.forEach((sample, number) => {
      if (sample[1] === null) { pen = false; return; }
      path += `${pen ? "L" : "M"}${time.x(sample[0])} ${y(sample[1])}L${time.x(until(number))} ${y(sample[1])}`;
      pen = true;
    });
    if (path) svg.append(make("svg:path", { class: "level", d: path }));
    const seen = new Set();
    samples.forEach((sample) => {
      if (sample[1] === null || seen.has(sample[1])) return;
      seen.add(sample[1]);
      svg.append(make("svg:text", { x: time.x(sample[0]) + 2, y: y(sample[1]) - 3 }, `${sample[1]}`));
    });
    bands.forEach(([name, column], band) => {
      const top = LEVELS + band * 14 + 2;
      svg.append(make("svg:text", { x: 0, y: top + 9 }, name));
      samples.forEach((sample, number) => {
        const state = sample[column], from = time.x(sample[0]);
        const rect = make("svg:rect", { class: state === null ? "unknown" : state ? "yes" : "no", x: from, y: top, width: Math.max(1, time.x(until(number)) - from), height: 9 });
        rect.append(make("svg:title", {}, `${sample[0].toFixed(3)} s ${name}: ${state}${sample[6] ? `, fails at ${sample[6]}` : ""}`));
        svg.append(rect);
      });
    });
    return svg;
  };

  const listing = (story) => {
    const table = make("table"), body = make("tbody"), box = make("div", { class: "events", tabindex: "0" });
    for (const [seconds, lane, direction, text, size, data] of story.events) {
      const row = make("tr", { "data-lane": lane });
      row.append(make("td", {}, seconds.toFixed(3)), make("td", {}, `${lane} ${direction}`));
      const what = make("td", { class: "what" }, text);
      if (data && lane !== "AT") what.append(make("span", { class: "data" }, data));
      row.append(what, make("td", {}, size ? `${size} B` : ""));
      body.append(row);
    }
    table.append(body);
    box.append(table);
    return box;
  };

  const switches = (story, box) => {
    const line = make("p", { class: "lanes" });
    for (const lane of story.lanes) {
      const label = make("label"), tick = make("input", { type: "checkbox" });
      tick.checked = lane !== "AT";
      const follow = () => { for (const row of box.querySelectorAll(`tr[data-lane="${CSS.escape(lane)}"]`)) row.hidden = !tick.checked; };
      tick.addEventListener("change", follow);
      follow();
      label.append(tick, ` ${lane}`);
      line.append(label);
    }
    return line;
  };

  const draw = async (details) => {
    const place = details.querySelector(".drawing[data-packed]");
    if (!place) return;
    const text = place.dataset.packed;
    delete place.dataset.packed;
    try {
      const story = await unpack(text), time = axis(story.seconds, Math.max(NARROWEST, place.clientWidth)), box = listing(story);
      place.append(timeline(story, time));
      if (story.signals.length) place.append(radio(story, time));
      place.append(switches(story, box), box);
      // Pixels that the page is wider than the window: what reads the page can tell whether it fits.
      document.documentElement.dataset.overflow = String(document.documentElement.scrollWidth - window.innerWidth);
    } catch (error) {
      place.append(make("p", { class: "note" }, `This browser cannot draw the case: ${error.message}`));
      document.documentElement.dataset.error = String(error);
    }
  };

  const filter = document.getElementById("filter");
  let result = "";
  const narrow = () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const section of document.querySelectorAll("#cases > section")) {
      let some = false;
      for (const details of section.querySelectorAll("details")) {
        const text = details.querySelector("summary").textContent.toLowerCase();
        details.hidden = !(words.every((word) => text.includes(word)) && (!result || details.classList.contains(result)));
        some = some || !details.hidden;
      }
      section.hidden = !some;
    }
  };
  filter.addEventListener("input", narrow);
  for (const tile of document.querySelectorAll(".tile")) {
    tile.addEventListener("click", () => {
      result = tile.dataset.show;
      for (const other of document.querySelectorAll(".tile")) other.setAttribute("aria-pressed", String(other === tile));
      narrow();
    });
  }
  document.addEventListener("toggle", (event) => { if (event.target.open) draw(event.target); }, true);

  const show = () => {
    const chosen = location.hash ? document.getElementById(location.hash.slice(1)) : document.querySelector("details.failed, details.error");
    if (chosen instanceof HTMLDetailsElement) { chosen.open = true; chosen.scrollIntoView(); }
  };
  window.addEventListener("hashchange", show);
  show();
})();
