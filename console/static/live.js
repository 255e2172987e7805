// Follows /stream and loads anew the parts that an event may have changed. Events come in bursts: the first is followed at
// once, those that come while a part is being loaded are answered by one more load of it, and one with data-pace rests
// so many milliseconds between two loads, the first of them data-after an event whose row came with it.
// Another module may take part: document gets `live:event` for each event ({service, event, row}: the row only where an
// element of the page has data-rows and the event changes one) and `live:loaded` for each part, which was asked for at `asked`;
// `live:all` when all is loaded anew, since something may have been missed.
import { setClock, tick } from "./clock.js";

const AGAIN_MS = 15000; // silence of a stream is no proof that nothing changed
const HIDDEN_MS = 5000; // a browser has six connections to a host: a page that nobody sees gives its own back
const CLOSED_MS = 5000;
const TOGETHER_MS = 150;
export const AFTER_MS = 20;

const links = document.getElementById("links");
const busy = new Map(); // part → how it is being loaded, or rests after it
let stream = null;
let hiding = 0;
let missing = 0;

export function want(part, hurry = false) {
  follow(part, () => load(part), Number(part.dataset.pace ?? 0), hurry);
}

// Do it now; while it is being done, or rests, however often it is wanted means once more. What somebody asked for himself
// does not wait for the rest (hurry).
export function follow(key, act, pace = 0, hurry = false) {
  const doing = busy.get(key);
  if (doing) {
    doing.again = true;
    doing.hurry ||= hurry;
    if (hurry && doing.rest) doing.end();
    return;
  }
  const begun = performance.now();
  const mine = { again: false, hurry: false, rest: 0 };
  mine.end = () => {
    clearTimeout(mine.rest);
    busy.delete(key);
    if (mine.again && key.isConnected !== false) follow(key, act, pace);
  };
  busy.set(key, mine);
  act().finally(() => {
    mine.rest = setTimeout(mine.end, mine.hurry ? 0 : Math.max(0, pace - (performance.now() - begun)));
  });
}

async function load(part) {
  const told = part.told;
  const asked = performance.now();
  let answer;
  try {
    answer = await fetch(part.dataset.part, { cache: "no-store" });
  } catch {
    return sayAll("away");
  }
  if (answer.status === 401) return toTheDoor();
  if (!answer.ok) return;
  const text = await answer.text();
  if (answer.headers.has("x-domain-now")) setClock(answer.headers.get("x-domain-now"));
  part.asked = asked;
  if (part.told === told) show(part, text); // else the stream told it meanwhile, and knows better
}

function show(part, text) {
  if (part.shown !== text) {
    replace(part, text);
    part.shown = text;
  }
  tick(part);
  document.dispatchEvent(new CustomEvent("live:loaded", { detail: part }));
}

// What has the same id and the same content stays, with its focus; the rest is new.
function replace(part, text) {
  const made = document.createElement("template");
  made.innerHTML = text;
  const focused = part.contains(document.activeElement) ? document.activeElement.id : "";
  for (const fresh of made.content.querySelectorAll("[id]")) {
    const old = document.getElementById(fresh.id);
    if (old && old === document.activeElement && old.matches("input, select, textarea")) {
      fresh.replaceWith(old); // what somebody types in stays under his hands
      continue;
    }
    if (old && part.contains(old) && (old.source ?? old.outerHTML) === fresh.outerHTML) fresh.replaceWith(old);
    else fresh.source = fresh.outerHTML;
  }
  part.replaceChildren(made.content);
  if (focused && document.activeElement?.id !== focused) document.getElementById(focused)?.focus();
}

function toTheDoor() {
  const here = location.pathname + location.search;
  location.href = `/login?why=expired&next=${encodeURIComponent(here)}`;
}

function say(service, state) {
  const link = links.querySelector(`[data-service="${service}"]`);
  link.classList.toggle("live", state === "live");
  link.classList.toggle("away", state === "away");
  link.querySelector(".said").textContent = ` ${links.dataset[state]}`;
}

function sayAll(state) {
  for (const link of links.querySelectorAll(".link")) say(link.dataset.service, state);
}

function concerned(part, service, kind) {
  return part.dataset.on?.split(" ").some((wanted) => {
    const [of, what] = wanted.split(":");
    return of === service && (!what || !kind || kind === what || kind.startsWith(`${what}.`));
  });
}

// What tells the event itself is asked for at once; what rests between loads (counts, summaries) lets it go first.
function changed(service, kind, row) {
  const parts = [...document.querySelectorAll("[data-part]:not([hidden])")].filter((part) => concerned(part, service, kind));
  for (const part of parts) {
    const after = row ? part.dataset.after : undefined;
    if (part.dataset.pace) setTimeout(() => want(part), Number(after ?? AFTER_MS));
    else want(part);
  }
}

function all() {
  for (const part of document.querySelectorAll("[data-part]:not([hidden])")) want(part);
  document.dispatchEvent(new CustomEvent("live:all"));
}

// Services come and go together: what was missed meanwhile is loaded once.
function again() {
  clearTimeout(missing);
  missing = setTimeout(all, TOGETHER_MS);
}

function open() {
  sayAll("connecting");
  const told = [...document.querySelectorAll("[data-told]")].map((part) => part.id);
  const rows = document.querySelector("[data-rows]") ? "&rows=true" : "";
  stream = new EventSource(`/stream?realm=${encodeURIComponent(links.dataset.realm)}&parts=${told}${rows}`);
  const own = (name, act) => stream.addEventListener(name, (event) => act(JSON.parse(event.data).service));
  own("here", (service) => { say(service, "live"); again(); });
  own("away", (service) => { say(service, "away"); again(); });
  own("gap", again);
  own("login", toTheDoor);
  stream.addEventListener("told", (message) => {
    const { parts, ...told } = JSON.parse(message.data);
    for (const [name, html] of Object.entries(parts)) {
      const part = document.getElementById(name);
      part.told = told;
      show(part, html);
    }
  });
  stream.onerror = () => {
    sayAll("away");
    if (stream.readyState === EventSource.CLOSED) setTimeout(open, CLOSED_MS);
  };
  stream.onmessage = (message) => {
    const said = JSON.parse(message.data);
    document.dispatchEvent(new CustomEvent("live:event", { detail: said }));
    changed(said.service, said.event.kind, said.row);
  };
}

function onVisibility() {
  clearTimeout(hiding);
  if (document.hidden) {
    hiding = setTimeout(() => stream.close(), HIDDEN_MS);
  } else if (stream.readyState === EventSource.CLOSED) {
    open();
    all();
  }
}

export function startLive() {
  open();
  document.addEventListener("visibilitychange", onVisibility);
  setInterval(() => document.hidden || all(), AGAIN_MS);
}
