// The realm's clock, which in a drill runs faster, and the times that count with it (data-due, data-since).

const clock = document.getElementById("clock");
const speed = Number(clock?.dataset.speed ?? 1);
const SECONDS_MS = 500;
const AGES_MS = 2500;
let begun = 0;
let domainStart = NaN; // while the drill's clock stands

export function setClock(now) {
  begun = performance.now();
  domainStart = now ? Date.parse(now) : NaN;
}

export function domainNow() {
  return domainStart + (performance.now() - begun) * speed;
}

function spell(seconds) {
  const sign = seconds < 0 ? "-" : "";
  const whole = Math.floor(Math.abs(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (number) => String(number).padStart(2, "0");
  return sign + (h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`);
}

const WORDS = document.documentElement.lang.startsWith("zh") ? ["天", "时", "分", "分"] : ["d", "h", "min", ""];

// The same words as console/times.py `age`.
function aged(seconds) {
  const minutes = Math.floor(seconds / 60);
  const [day, hour, minute, last] = WORDS;
  if (minutes < 1) return `<1${minute}`;
  if (minutes < 60) return `${minutes}${minute}`;
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)}${hour}${String(minutes % 60).padStart(2, "0")}${last}`;
  return `${Math.floor(minutes / 1440)}${day}`;
}

function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// The clock itself, and the times inside ``part`` (ages of whole minutes less often: a page has a hundred of them).
export function tick(part = document, counting = "[data-due], [data-since], [data-age]") {
  const shown = clock?.querySelector("time");
  if (!shown) return;
  if (Number.isNaN(domainStart)) return void (shown.textContent = clock.dataset.stands);
  const now = domainNow();
  const beijing = new Date(now + 8 * 3600e3).toISOString();
  shown.textContent = `${beijing.slice(5, 10)} ${beijing.slice(11, 19)}`;
  for (const each of part.querySelectorAll(counting)) {
    const { due, since, age } = each.dataset;
    if (due) {
      const left = (Date.parse(due) - now) / 1000;
      put(each, spell(left));
      each.classList.toggle("over", left < 0);
    } else if (since) put(each, spell((now - Date.parse(since)) / 1000));
    else if (age) put(each, aged((now - Date.parse(age)) / 1000));
  }
}

export function startClock() {
  setClock(clock?.dataset.now);
  tick();
  setInterval(() => tick(document, "[data-due], [data-since]"), SECONDS_MS);
  setInterval(() => tick(), AGES_MS);
}
