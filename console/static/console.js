// Follows the three services' streams and loads anew the parts that an event may have changed. The page is right without
// it: every part is what the server made, and a reload shows the same.

const PARTS_OF = {
  warning: ["strip", "fuses"],
  dispatch: ["strip", "orders", "board", "timeline"],
  resources: ["strip"],
};
const SETTLE_MS = 250; // events come in bursts
const AGAIN_MS = 15000; // silence of a stream is no proof that nothing changed

const links = document.getElementById("links");
const realm = links.dataset.realm;
const waiting = new Set();
let busy = false;
let timer = null;

function want(parts) {
  for (const part of parts) waiting.add(part);
  if (timer === null && !busy) timer = setTimeout(load, SETTLE_MS);
}

async function load() {
  timer = null;
  busy = true;
  const parts = [...waiting];
  waiting.clear();
  try {
    await Promise.all(parts.map(loadPart));
  } finally {
    busy = false;
    if (waiting.size) timer = setTimeout(load, SETTLE_MS);
  }
}

async function loadPart(part) {
  let answer;
  try {
    answer = await fetch(`/part/${part}?realm=${encodeURIComponent(realm)}`, { cache: "no-store" });
  } catch {
    for (const link of links.querySelectorAll(".link")) show(link, "away");
    return;
  }
  if (answer.status === 401) return void (location.href = "/login?why=expired");
  if (!answer.ok) return;
  setClock(answer.headers.get("x-domain-now"));
  document.getElementById(part).innerHTML = await answer.text();
  tick();
}

function show(link, state) {
  link.classList.toggle("live", state === "live");
  link.classList.toggle("away", state === "away");
  link.textContent = `${link.dataset.service} ${links.dataset[state]}`;
}

function follow(link) {
  const service = link.dataset.service;
  show(link, "connecting");
  const stream = new EventSource(`/stream/${service}?realm=${encodeURIComponent(realm)}`);
  stream.addEventListener("here", () => { show(link, "live"); want(PARTS_OF[service]); });
  stream.addEventListener("away", () => { show(link, "away"); want(["strip"]); });
  stream.addEventListener("gap", () => want(PARTS_OF[service]));
  stream.addEventListener("login", () => { location.href = "/login?why=expired"; });
  stream.onerror = () => {
    show(link, "away");
    // A browser gives up for good on anything but 200; then begin again.
    if (stream.readyState === EventSource.CLOSED) setTimeout(() => follow(link), 5000);
  };
  stream.onmessage = () => want(PARTS_OF[service]);
}

const clock = document.getElementById("clock");
const speed = Number(clock.dataset.speed);
let begun = 0;
let domainStart = NaN; // while the drill's clock stands

function setClock(now) {
  begun = performance.now();
  domainStart = now ? Date.parse(now) : NaN;
}

function domainNow() {
  return domainStart + (performance.now() - begun) * speed;
}

function spell(seconds) {
  const sign = seconds < 0 ? "-" : "";
  const whole = Math.floor(Math.abs(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (number) => String(number).padStart(2, "0");
  return sign + (h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`);
}

function tick() {
  if (Number.isNaN(domainStart)) return void (clock.querySelector("time").textContent = clock.dataset.stands);
  const now = domainNow();
  const beijing = new Date(now + 8 * 3600e3).toISOString();
  clock.querySelector("time").textContent = `${beijing.slice(5, 10)} ${beijing.slice(11, 19)}`;
  for (const each of document.querySelectorAll("[data-due]")) each.textContent = spell((Date.parse(each.dataset.due) - now) / 1000);
  for (const each of document.querySelectorAll("[data-since]")) each.textContent = spell((now - Date.parse(each.dataset.since)) / 1000);
}

setClock(clock.dataset.now);
for (const link of links.querySelectorAll(".link")) follow(link);
setInterval(tick, 500);
setInterval(() => want(["strip", "fuses", "orders", "board", "timeline"]), AGAIN_MS);
tick();
