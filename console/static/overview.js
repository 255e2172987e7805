// The overview: one selection shared by list, card, map and URL. Everything here is also a plain link or form of the page.
import { tick } from "./clock.js";
import { want } from "./live.js";

const TYPING_MS = 150;
const page = document.getElementById("overview");
const list = document.getElementById("list");
const card = document.getElementById("card");
const chosen = new URLSearchParams(location.search);
let map = null;
let typing = 0;

// Follow a changed choice: the URL says it, the parts are asked for it.
function choose(changes, { keep = false } = {}) {
  for (const [name, value] of Object.entries(changes)) {
    if (value) chosen.set(name, value);
    else chosen.delete(name);
  }
  chosen.set("realm", page.dataset.realm);
  history.replaceState(null, "", `?${chosen}`);
  card.dataset.part = `/part/overview/card?${chosen}`;
  list.dataset.part = `/part/overview/list?${chosen}`;
  if (!keep) want(list, true);
}

function layerNow() {
  return page.dataset.list;
}

function showList(name) {
  page.dataset.list = name;
  for (const tab of page.querySelectorAll(".tabs a")) {
    const current = tab.dataset.list === name;
    if (current) {
      list.dataset.on = card.dataset.on = tab.dataset.on;
      Object.assign(list.dataset, { pace: tab.dataset.pace, after: tab.dataset.after });
    }
    tab.toggleAttribute("aria-current", false);
    if (current) tab.setAttribute("aria-current", "true");
  }
  list.scrollTop = 0;
}

function rowOf(sel) {
  return document.getElementById(`row-${sel}`);
}

function markRow(sel) {
  for (const row of list.querySelectorAll("li[data-sel]")) {
    const is = row.dataset.sel === sel;
    row.classList.toggle("chosen", is);
    const link = row.querySelector("[data-pick]");
    if (is) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
  const row = rowOf(sel);
  row?.closest("details")?.setAttribute("open", "");
  row?.scrollIntoView({ block: "nearest" });
}

export function pick(sel, { fromMap = false } = {}) {
  page.dataset.sel = sel;
  const layer = sel.split(":")[0];
  const elsewhere = sel && (layer !== layerNow() || !rowOf(sel));
  if (sel && layer !== layerNow()) {
    showList(layer);
    choose({ list: layer, state: "", level: "", q: "", sel });
  } else choose({ sel }, { keep: !elsewhere });
  markRow(sel);
  if (sel) want(card, true);
  else {
    card.hidden = true;
    card.replaceChildren();
    card.shown = "";
  }
  map?.select(sel, { move: !fromMap });
}

function step(by) {
  const rows = [...list.querySelectorAll("li[data-sel]")].filter((row) => row.offsetParent !== null);
  if (!rows.length) return;
  const at = rows.findIndex((row) => row.dataset.sel === page.dataset.sel);
  const next = rows[at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + by))];
  pick(next.dataset.sel);
  next.querySelector("[data-pick]").focus({ preventScroll: true });
}

page.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  const link = event.target.closest("a");
  const row = event.target.closest("li[data-sel]");
  if (link?.matches(".tabs a")) {
    event.preventDefault();
    showList(link.dataset.list);
    choose({ list: link.dataset.list, state: "", level: "", q: "" });
  } else if (link?.matches("[data-choose]")) {
    event.preventDefault();
    const query = new URL(link.href).searchParams;
    choose({ level: query.get("level"), state: query.get("state") });
  } else if (link?.matches("[data-unpick]")) {
    event.preventDefault();
    pick("");
  } else if (row && (!link || link.matches("[data-pick]"))) {
    event.preventDefault();
    pick(row.dataset.sel);
  }
});

function filtered(form) {
  const said = new FormData(form);
  choose({ township: said.get("township"), level: said.get("level"), state: said.get("state"), q: said.get("q") });
}

list.addEventListener("submit", (event) => {
  event.preventDefault();
  filtered(event.target);
});
list.addEventListener("change", (event) => event.target.matches("select") && filtered(event.target.form));
list.addEventListener("input", (event) => {
  if (!event.target.matches("[type=search]")) return;
  clearTimeout(typing);
  typing = setTimeout(() => filtered(event.target.form), TYPING_MS);
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest("input, select, textarea, canvas")) return;
  if (document.querySelector("dialog[open]")) return;
  const inList = list.contains(event.target);
  const by = { j: 1, k: -1, ArrowDown: inList ? 1 : 0, ArrowUp: inList ? -1 : 0 }[event.key];
  if (by) {
    event.preventDefault();
    step(by);
  } else if (event.key === "Enter" && event.target.matches("[data-pick]")) {
    // the first Enter selects, one on what is selected opens it
    const row = event.target.closest("li");
    if (row.dataset.sel === page.dataset.sel && row.dataset.open) {
      event.preventDefault();
      location.href = row.dataset.open;
    }
  }
});

// An alarm that moves comes with its event, as a row of the list; the list as the server makes it comes after, and what was
// told since it was asked for is put into it again. (A list of what is no alarm is the server's alone.)
const told = new Map(); // sel → row, and when it came
const arrivals = new Set(); // sel of those that came lately: marked for so long
const ARRIVED_MS = 4000;
const FILTERS = ["township", "level", "state"];

function takes(row) {
  const words = (chosen.get("q") ?? "").trim().toLowerCase();
  return row.sel === page.dataset.sel
    || (FILTERS.every((name) => [null, "", row[name]].includes(chosen.get(name))) && row.words.includes(words));
}

function takeOut(row) {
  const group = row.closest("li.group");
  row.remove();
  if (group && !count(group)) group.remove();
}

function count(group) {
  const number = group.querySelectorAll("ol > li").length;
  group.querySelector(".number").textContent = number;
  return number;
}

function markArrived(sel) {
  rowOf(sel)?.classList.toggle("arrived", arrivals.has(sel));
}

function arrived(sel) {
  arrivals.add(sel);
  setTimeout(() => {
    arrivals.delete(sel);
    markArrived(sel);
  }, ARRIVED_MS);
}

function place(row) {
  const rows = list.querySelector("ol.rows[data-layer=fuses]");
  if (!rows) return; // another list still stands there
  const old = rowOf(row.sel);
  const focused = old?.contains(document.activeElement);
  if (old) takeOut(old);
  list.shown = ""; // the next answer is shown, whatever it says
  if (!row.html || !takes(row)) return;
  list.querySelector(".nothing")?.remove();
  const made = document.createElement("template");
  made.innerHTML = row.html;
  const fresh = made.content.querySelector("li");
  const group = document.getElementById(`group-${row.group}`);
  if (group) {
    group.querySelector("ol").prepend(fresh);
    count(group.closest("li"));
  } else rows.insertBefore(fresh, [...rows.children].find((each) => Number(each.dataset.rank) <= row.rank) ?? null);
  tick(fresh);
  if (!old && !arrivals.has(row.sel)) arrived(row.sel);
  markArrived(row.sel);
  if (row.sel === page.dataset.sel) markRow(row.sel);
  if (focused) fresh.querySelector("[data-pick]").focus({ preventScroll: true });
}

document.addEventListener("live:event", ({ detail: { row } }) => {
  if (!row || layerNow() !== "fuses" || chosen.get("state") === "blind" || chosen.get("level") === "normal") return;
  row.came = performance.now();
  told.set(row.sel, row);
  place(row);
});

document.addEventListener("live:loaded", ({ detail: part }) => {
  if (part === card) {
    card.hidden = !page.dataset.sel;
    if (!page.dataset.sel) card.replaceChildren();
  }
  if (part !== list) return;
  for (const [sel, row] of told) {
    if (row.came < list.asked || layerNow() !== "fuses") told.delete(sel);
    else place(row);
  }
  for (const sel of arrivals) markArrived(sel);
  markRow(page.dataset.sel);
});

async function startMap() {
  const place = document.getElementById("map");
  if (!place) return;
  try {
    const { openMap } = await import("./map.js");
    map = await openMap(place, page.dataset.realm, (sel) => pick(sel, { fromMap: true }), choose);
    map.select(page.dataset.sel, { move: true });
  } catch (error) {
    page.classList.add("no-map");
    place.textContent = place.dataset.failed;
    place.classList.add("note");
    console.warn("map:", error);
  }
}

if (page.dataset.sel) rowOf(page.dataset.sel)?.scrollIntoView({ block: "nearest" });
// The lists first: to begin a map stops the page for as long as all the rest of it takes.
requestAnimationFrame(() => setTimeout(startMap));
