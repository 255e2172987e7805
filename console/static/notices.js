// The notice form is whole without this. With it: areas are suggested while they are typed, a type brings its scale and how
// long it usually holds, and what the notice would open is shown beside it, so that one Enter sends it.

const form = document.getElementById("notice");
const panel = document.getElementById("foresee");
const SETTLE_MS = 350;

// -- areas: a list under the text; Down and Up choose, Enter or Tab takes ----------------------------------------

const areas = form.querySelector("[data-areas]");
const regions = [...document.querySelectorAll("#regions option")].map((option) => option.value);
const SEPARATOR = /[\s,，、;；/]+/;
const holder = areas.closest("label");
const list = document.createElement("ul");
list.id = "areas-list";
list.setAttribute("role", "listbox");
list.hidden = true;
holder.classList.add("suggest");
holder.append(list);
for (const [name, value] of Object.entries({ role: "combobox", "aria-expanded": "false", "aria-controls": list.id, "aria-autocomplete": "list" })) {
  areas.setAttribute(name, value);
}
let chosen = 0;

function word() {
  return areas.value.split(SEPARATOR).at(-1);
}

function suggest() {
  const typed = word();
  const had = new Set(areas.value.split(SEPARATOR));
  const found = typed ? regions.filter((name) => name.includes(typed) && !had.has(name)).slice(0, 8) : [];
  chosen = 0;
  list.replaceChildren(...found.map((name, at) => {
    const item = document.createElement("li");
    item.id = `area-${at}`;
    item.textContent = name;
    item.setAttribute("role", "option");
    item.addEventListener("mousedown", (event) => { event.preventDefault(); take(name); });
    return item;
  }));
  mark();
}

function mark() {
  list.hidden = !list.children.length;
  areas.setAttribute("aria-expanded", String(!list.hidden));
  [...list.children].forEach((item, at) => item.setAttribute("aria-selected", String(at === chosen)));
  if (list.hidden) areas.removeAttribute("aria-activedescendant");
  else areas.setAttribute("aria-activedescendant", `area-${chosen}`);
}

function take(name) {
  areas.value = `${areas.value.slice(0, areas.value.length - word().length)}${name}、`;
  list.replaceChildren();
  mark();
  foresee();
}

areas.addEventListener("input", suggest);
areas.addEventListener("blur", () => { list.replaceChildren(); mark(); });
areas.addEventListener("keydown", (event) => {
  if (list.hidden || event.isComposing) return;
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step) {
    chosen = (chosen + step + list.children.length) % list.children.length;
    mark();
    event.preventDefault();
  } else if (event.key === "Enter" || event.key === "Tab") {
    take(list.children[chosen].textContent);
    event.preventDefault();
  } else if (event.key === "Escape") {
    list.replaceChildren();
    mark();
    event.stopPropagation();
  }
});

// -- a type's scale and hours -----------------------------------------------------------------------------------

const type = form.elements.type;
type.addEventListener("change", () => {
  const kind = type.selectedOptions[0]?.dataset;
  if (!kind?.scale) return;
  form.elements.scale.value = kind.scale;
  const from = Date.parse(`${form.elements.valid_from.value.replace(" ", "T")}:00Z`);
  if (Number.isNaN(from)) return;
  form.elements.valid_to.value = new Date(from + kind.hours * 3600e3).toISOString().slice(0, 16).replace("T", " ");
});

// -- what it would open -----------------------------------------------------------------------------------------

let timer = 0;
let asked = 0;

function foresee() {
  clearTimeout(timer);
  timer = setTimeout(load, SETTLE_MS);
}

async function load() {
  const query = new URLSearchParams({
    hazard: form.elements.hazard.value,
    level: new FormData(form).get("level") ?? "",
    areas: areas.value,
  });
  const mine = ++asked;
  let answer;
  try {
    answer = await fetch(`${panel.dataset.url}&${query}`, { cache: "no-store" });
  } catch {
    return; // the form asks the server itself when it is sent
  }
  if (!answer.ok || mine !== asked) return;
  panel.innerHTML = await answer.text();
  const seen = document.getElementById("mark")?.dataset.mark ?? "";
  form.elements.foreseen.value = seen;
  if (seen) for (const id of ["send", "send-hint"]) document.getElementById(id).textContent = document.getElementById(id).dataset.seen;
}

for (const name of ["hazard", "level", "areas"]) {
  for (const each of form.querySelectorAll(`[name="${name}"]`)) each.addEventListener("change", foresee);
}
areas.addEventListener("input", foresee);
form.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.ctrlKey) form.requestSubmit();
});

// A double click sends once; the server would take it once in any case.
form.addEventListener("submit", (event) => {
  if (form.dataset.sent) return void event.preventDefault();
  form.dataset.sent = "1";
  setTimeout(() => delete form.dataset.sent, 3000);
});
document.getElementById("refusal")?.focus();
