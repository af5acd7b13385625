"use strict";
// Builds the list of sessions, and a session when it is opened. Text from the capture becomes text
// nodes and nothing else: no markup is ever parsed here.
(() => {
  const PAGE = 100; // rows of the list at a time
  const PIECE = 400; // lines of a session at a time
  const SLOW = 5; // seconds that stand out
  const SVG = "http://www.w3.org/2000/svg";
  const [NUMBER, OUTCOME, WHEN, STARTED, TOOK, SECONDS, CLIENT, SERVER, MAIL, VERDICT, CHECKS, CAUSE,
    BLOCK, LINE] = Array(14).keys();
  const byId = (id) => document.getElementById(id);
  const styles = {};
  for (const button of document.querySelectorAll(".outcomes button")) {
    styles[button.dataset.outcome] = button.querySelector(".word").className.replace("word ", "");
  }

  // -- making elements ---------------------------------------------------------------------

  function make(name, attributes, ...children) {
    return fill(document.createElement(name), attributes, children);
  }

  function draw(name, attributes, ...children) {
    return fill(document.createElementNS(SVG, name), attributes, children);
  }

  function fill(element, attributes, children) {
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value !== null && value !== undefined) element.setAttribute(name, value);
    }
    element.append(...children.filter((child) => child !== null && child !== undefined));
    return element;
  }

  function span(seconds) {
    if (seconds < 0.0009995) return `${(seconds * 1e6).toFixed(0)} µs`;
    if (seconds < 0.9995) return `${(seconds * 1e3).toFixed(seconds < 0.00995 ? 1 : 0)} ms`;
    if (seconds < 99.5) return `${seconds.toFixed(seconds < 9.95 ? 1 : 0)} s`;
    if (seconds < 5999.5) return `${(seconds / 60).toFixed(0)} min`;
    return `${(seconds / 3600).toFixed(0)} h`;
  }

  // -- data --------------------------------------------------------------------------------

  async function unpack(id) {
    const packed = Uint8Array.from(atob(byId(id).textContent), (c) => c.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Response(stream).text();
  }

  const blocks = new Map(); // the last few that were unpacked
  async function account(row) {
    const id = row[BLOCK];
    if (!blocks.has(id)) {
      if (blocks.size > 8) blocks.delete(blocks.keys().next().value);
      blocks.set(id, (await unpack(`block-${id}`)).split("\n"));
    }
    return JSON.parse(blocks.get(id)[row[LINE]]);
  }

  // -- the list ----------------------------------------------------------------------------

  let rows = [];
  let found = [];
  let haystack = [];
  let first = 0;
  let cause = "";
  const order = { column: NUMBER, down: false };

  function wanted() {
    const words = byId("words").value.toLowerCase().split(/\s+/).filter(Boolean);
    const outcome = byId("outcome").value;
    const check = byId("check").value;
    return rows.filter((row, i) =>
      (!outcome || row[OUTCOME] === outcome) &&
      (!cause || row[CAUSE] === cause) &&
      (!check || row[CHECKS].some((c) => c.endsWith(` ${check}`))) &&
      words.every((word) => haystack[i].includes(word)));
  }

  function refresh() {
    found = wanted();
    const { column, down } = order;
    if (column !== NUMBER || down) {
      const sign = down ? -1 : 1;
      found.sort((a, b) => sign * (a[column] < b[column] ? -1 : a[column] > b[column] ? 1 : 0));
    }
    first = 0;
    list();
  }

  function list() {
    const shown = found.slice(first, first + PAGE);
    byId("list").tBodies[0].replaceChildren(...shown.map(listed));
    byId("list").hidden = !shown.length;
    const all = found.length === rows.length ? "" : ` of ${rows.length.toLocaleString("en")}`;
    const why = cause ? ` that failed for ${cause}` : "";
    byId("status").textContent =
      `${found.length.toLocaleString("en")}${all} session${found.length === 1 ? "" : "s"}${why}`;
    byId("pages").hidden = found.length <= PAGE;
    byId("before").disabled = first === 0;
    byId("after").disabled = first + PAGE >= found.length;
    byId("where").textContent =
      `${first + 1} to ${Math.min(first + PAGE, found.length)} of ${found.length}`;
    for (const button of document.querySelectorAll(".outcomes button")) {
      button.setAttribute("aria-pressed", byId("outcome").value === button.dataset.outcome);
    }
  }

  function listed(row) {
    const toggle = make("button", { type: "button", "aria-expanded": "false" }, String(row[NUMBER]));
    const verdict = row[VERDICT] ? make("span", { class: "verdict" }, row[VERDICT]) : null;
    const line = make("tr", { class: "row", id: `session-${row[NUMBER]}` },
      make("td", { class: "n" }, toggle),
      make("td", { class: styles[row[OUTCOME]] }, row[OUTCOME]),
      make("td", { class: "n" }, row[WHEN]),
      make("td", { class: "n" }, row[TOOK]),
      make("td", {}, row[CLIENT]),
      make("td", {}, row[SERVER]),
      make("td", {}, row[MAIL], verdict));
    line.addEventListener("click", () => {
      if (!String(getSelection())) open(line, row);
    });
    return line;
  }

  async function open(line, row, frame) {
    const toggle = line.querySelector("button");
    const below = line.nextElementSibling;
    if (below && below.classList.contains("opened")) {
      if (frame !== undefined) return aim(row, frame);
      below.remove();
      line.classList.remove("open");
      toggle.setAttribute("aria-expanded", "false");
      return undefined;
    }
    line.classList.add("open");
    toggle.setAttribute("aria-expanded", "true");
    const told = await account(row);
    const cell = make("td", { colspan: "7" }, ...session(told, row));
    line.after(make("tr", { class: "opened" }, cell));
    return frame === undefined ? undefined : aim(row, frame);
  }

  function aim(row, frame) {
    const target = byId(`session-${row[NUMBER]}-frame-${frame}`);
    for (const old of document.querySelectorAll(".aimed")) old.classList.remove("aimed");
    if (target) {
      target.classList.add("aimed");
      target.scrollIntoView({ block: "center" });
    }
  }

  // -- one session -------------------------------------------------------------------------

  function session(told, row) {
    const number = row[NUMBER];
    const frames = new Set(told.lines.map((line) => line.frame));
    const parts = [make("p", { class: "told" }, told.verdict)];
    for (const said of told.loose) parts.push(finding(said, number, frames));
    parts.push(facts([...told.facts, { name: "wireshark", text: told.display_filter, mark: "" }]));
    if (told.parts.length) parts.push(...time(told));
    if (told.trouble) parts.push(facts([{ name: "TCP", text: told.trouble, mark: "" }]));
    if (told.lines.length) parts.push(views(told, number, frames));
    for (const mail of told.mails) {
      parts.push(make("h3", {}, `${mail.title}: `,
        make("span", { class: styles[mail.outcome] || "" }, mail.outcome)), facts(mail.facts));
    }
    return parts;
  }

  function facts(all) {
    const list = make("dl", {});
    for (const fact of all) {
      list.append(make("dt", {}, fact.name), make("dd", { class: "mono" }, fact.text));
    }
    return list;
  }

  // Frames that a line has are links to it; a finding may name others, too.
  function finding(said, number, frames) {
    const times = said.count > 1 ? ` (${said.count} times)` : "";
    const doubt = said.confidence === "certain" ? "" : ` (${said.confidence})`;
    const links = said.frames.slice(0, 8).flatMap((frame) => [" ", frames.has(frame)
      ? make("a", { href: `#session-${number}-frame-${frame}` }, frame) : frame]);
    const box = make("div", { class: `finding ${said.severity}` },
      make("strong", { class: `t-${said.severity}` }, said.severity), ` ${said.check}${doubt}: `,
      said.text, times, links.length ? make("span", { class: "t-note" }, " frames", ...links) : null);
    if (said.hence.length) {
      box.append(make("ul", {}, ...said.hence.map(([check, text]) =>
        make("li", {}, `hence ${check}: ${text}`))));
    }
    return box;
  }

  function time(told) {
    const bar = draw("svg", { class: "bar", viewBox: "0 0 1000 20", preserveAspectRatio: "none",
      role: "img", "aria-label": "Shares of the time" });
    let x = 0;
    const words = [];
    for (const part of told.parts) {
      const width = part.seconds / told.duration * 1000;
      const text = `${part.words} ${span(part.seconds)}`;
      bar.append(draw("rect", { class: `d-${part.key}`, x, y: 0, width, height: 20 },
        draw("title", {}, text)));
      x += width;
      words.push(text);
    }
    return [bar, facts([{ name: "time went", text: words.join(", "), mark: "" }])];
  }

  function views(told, number, frames) {
    const pane = make("div", {});
    const kinds = { Timeline: timeline, Ladder: ladder };
    const buttons = Object.keys(kinds).map((name) =>
      make("button", { type: "button", role: "tab", "aria-selected": "false" }, name));
    const choose = (chosen) => {
      for (const button of buttons) button.setAttribute("aria-selected", button === chosen);
      pane.replaceChildren(kinds[chosen.textContent](told, number, frames));
    };
    for (const button of buttons) button.addEventListener("click", () => choose(button));
    choose(buttons[0]);
    return make("div", {}, make("div", { class: "views", role: "tablist" }, ...buttons), pane);
  }

  // A long session comes in pieces, so that the browser stays quick.
  function pieces(lines, add, holder) {
    let next = 0;
    const more = make("button", { type: "button", class: "more" });
    const step = () => {
      add(lines.slice(next, next + PIECE));
      next += PIECE;
      more.textContent = `Show more (${(lines.length - next).toLocaleString("en")} lines left)`;
      more.hidden = next >= lines.length;
    };
    more.addEventListener("click", step);
    step();
    holder.append(more);
    return holder;
  }

  function timeline(told, number, frames) {
    const body = make("tbody", {});
    let phase = "";
    const add = (lines) => {
      for (const line of lines) {
        if (line.phase !== phase) {
          phase = line.phase;
          body.append(make("tr", { class: "phase" }, make("td", { colspan: "5" }, phase)));
        }
        body.append(spoken(line, number, frames));
      }
    };
    const head = make("thead", {}, make("tr", {}, ...["time", "wait", "frame", "from", "what"].map(
      (name, i) => make("th", { scope: "col", class: i < 3 ? `n ${name}` : "" }, name))));
    return pieces(told.lines, add,
      make("div", {}, make("table", { class: "timeline" }, head, body)));
  }

  function spoken(line, number, frames) {
    const slow = line.wait !== null && line.wait >= SLOW ? " slow" : "";
    const said = make("td", {},
      make("code", { class: line.tone ? `t-${line.tone}` : `p-${line.party}` }, line.text.join("\n")));
    for (const one of line.findings) said.append(finding(one, number, frames));
    return make("tr", { id: `session-${number}-frame-${line.frame}` },
      make("td", { class: "n mono time" }, line.at.toFixed(3)),
      make("td", { class: `n mono wait${slow}` }, line.wait === null ? "" : span(line.wait)),
      make("td", { class: "n mono frame" }, line.frame),
      make("td", { class: `p-${line.party}` }, line.party),
      said);
  }

  // -- the ladder --------------------------------------------------------------------------

  const WIDE = 900;
  const LEFT = 150; // the client's line; the server's is at RIGHT
  const RIGHT = WIDE - 30;
  const STEP = 15; // a line of text
  const LETTERS = Math.floor((RIGHT - LEFT - 30) / 7.3);

  function wrapped(text) {
    const lines = [];
    for (let i = 0; i < text.length && lines.length < 40; i += LETTERS) {
      lines.push(text.slice(i, i + LETTERS));
    }
    return lines.length ? lines : [""];
  }

  function ladder(told) {
    const holder = make("div", {});
    let phase = "";
    return pieces(told.lines, (lines) => {
      const rungs = [];
      let y = 40;
      for (const line of lines) {
        if (line.phase !== phase) {
          phase = line.phase;
          rungs.push(draw("text", { class: "phase", x: (LEFT + RIGHT) / 2, y, "text-anchor": "middle" },
            phase));
          y += STEP + 3;
        }
        if (line.wait !== null && line.wait >= SLOW) {
          rungs.push(draw("text", { class: "wait", x: (LEFT + RIGHT) / 2, y, "text-anchor": "middle" },
            `${span(line.wait)} of silence`));
          y += STEP + 3;
        }
        const [rung, height] = arrow(line, y);
        rungs.push(rung);
        y += height;
      }
      holder.append(draw("svg", { class: "ladder", viewBox: `0 0 ${WIDE} ${y + 10}`, width: WIDE,
        role: "img", "aria-label": "Ladder of the dialogue; the timeline has the same as a table" },
      draw("text", { class: "side", x: LEFT, y: 14, "text-anchor": "middle" }, told.client),
      draw("text", { class: "side", x: RIGHT, y: 14, "text-anchor": "end" }, told.server),
      draw("line", { class: "life", x1: LEFT, x2: LEFT, y1: 22, y2: y }),
      draw("line", { class: "life", x1: RIGHT, x2: RIGHT, y1: 22, y2: y }), ...rungs));
    }, holder);
  }

  function arrow(line, y) {
    const texts = line.text.slice(0, 60).flatMap(wrapped);
    const group = draw("g", { class: `${line.party} ${line.tone} ${line.kind}` },
      draw("text", { class: "small", x: 0, y }, `${line.at.toFixed(3)}`),
      draw("text", { class: "small", x: LEFT - 14, y, "text-anchor": "end" }, `#${line.frame}`));
    for (const [i, text] of texts.entries()) {
      group.append(draw("text", { class: "say", x: LEFT + 15, y: y + i * STEP }, text));
    }
    const at = y + (texts.length - 1) * STEP + 6;
    const [from, to] = line.party === "server" ? [RIGHT, LEFT] : [LEFT, RIGHT];
    const back = to > from ? -8 : 8;
    const worst = line.findings.map((said) => said.severity).sort((a, b) =>
      ["error", "warning", "note"].indexOf(a) - ["error", "warning", "note"].indexOf(b))[0];
    group.append(draw("line", { class: "arrow", x1: from, x2: to + back, y1: at, y2: at }));
    group.append(line.kind === "reset"
      ? draw("text", { class: "say", x: to + back, y: at + 5, "text-anchor": "middle" }, "X")
      : draw("path", { class: "head", d: `M${to} ${at} l${back} -4 v8 z` }));
    if (worst) {
      group.append(draw("text", { class: `small worst-${worst}`, x: 0, y: y + STEP }, worst));
    }
    group.append(draw("title", {}, [line.text.join("\n"),
      ...line.findings.map((said) => `${said.severity} ${said.check}: ${said.text}`)].join("\n")));
    return [group, texts.length * STEP + 16];
  }

  // -- events ------------------------------------------------------------------------------

  async function follow() {
    const match = /^#session-(\d+)(?:-frame-([\d:]+))?$/.exec(location.hash);
    if (!match) return;
    const number = Number(match[1]);
    let place = found.findIndex((row) => row[NUMBER] === number);
    if (place < 0) {
      byId("filter").reset();
      cause = "";
      refresh();
      place = found.findIndex((row) => row[NUMBER] === number);
      if (place < 0) return;
    }
    if (place < first || place >= first + PAGE) {
      first = Math.floor(place / PAGE) * PAGE;
      list();
    }
    const line = byId(`session-${number}`);
    const opened = line.querySelector("button").getAttribute("aria-expanded") === "true";
    if (!opened || match[2]) await open(line, found[place], match[2]);
    if (!match[2]) line.scrollIntoView({ block: "start" });
  }

  function listen() {
    const form = byId("filter");
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", refresh);
    form.addEventListener("reset", () => {
      cause = "";
      setTimeout(refresh);
    });
    for (const button of document.querySelectorAll("[data-outcome]")) {
      button.addEventListener("click", () => {
        const same = byId("outcome").value === button.dataset.outcome;
        byId("outcome").value = same ? "" : button.dataset.outcome;
        cause = "";
        refresh();
      });
    }
    for (const button of document.querySelectorAll("[data-cause]")) {
      button.addEventListener("click", () => {
        form.reset();
        cause = button.dataset.cause;
        setTimeout(() => {
          cause = button.dataset.cause;
          refresh();
          byId("sessions").scrollIntoView();
        }, 1);
      });
    }
    for (const button of document.querySelectorAll("[data-sort]")) {
      button.addEventListener("click", () => {
        const column = Number(button.dataset.sort);
        order.down = order.column === column && !order.down;
        order.column = column;
        for (const head of document.querySelectorAll("#list th")) head.removeAttribute("aria-sort");
        button.parentElement.setAttribute("aria-sort", order.down ? "descending" : "ascending");
        refresh();
      });
    }
    byId("before").addEventListener("click", () => { first = Math.max(first - PAGE, 0); list(); });
    byId("after").addEventListener("click", () => { first += PAGE; list(); });
    document.addEventListener("keydown", (event) => {
      if (event.key === "/" && !/INPUT|SELECT/.test(document.activeElement.tagName)) {
        event.preventDefault();
        byId("words").focus();
      }
    });
    addEventListener("hashchange", follow);
  }

  async function start() {
    if (typeof DecompressionStream === "undefined") {
      byId("status").textContent = "This browser is too old for the list of sessions.";
      return;
    }
    rows = JSON.parse(await unpack("index"));
    haystack = rows.map((row) => [row[CLIENT], row[SERVER], row[MAIL], row[VERDICT], row[OUTCOME],
      ...row[CHECKS]].join(" ").toLowerCase());
    const checks = [...new Set(rows.flatMap((row) => row[CHECKS]))].map((c) => c.split(" ")[1]);
    for (const check of [...new Set(checks)].sort()) byId("check").append(make("option", {}, check));
    byId("filter").hidden = false;
    listen();
    refresh();
    await follow();
    document.documentElement.dataset.ready = "yes";
  }

  start();
})();
