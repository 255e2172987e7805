// Signs what stands on the page and nothing else. Before it signs: the digest is that of the bytes shown, the bytes are the
// canonical form of a message, and every value of that message stands on the page, word for word.
import { find, sha256, sign, supported } from "./keystore.js";

const form = document.getElementById("approve");
const sheet = document.getElementById("sheet");
const state = document.getElementById("key-state");

function canonicalise(value) { // RFC 8785 for what alerts hold: strings, whole numbers, null, lists, objects
  if (Array.isArray(value)) return `[${value.map(canonicalise).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const names = Object.keys(value).sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonicalise(value[name])}`).join(",")}}`;
}

function leaves(value, prefix = "") {
  return Object.entries(value).flatMap(([name, each]) =>
    each !== null && typeof each === "object" && !Array.isArray(each) ? leaves(each, `${prefix}${name}.`) : [[prefix + name, each]]);
}

const TEXT = /^(headline|description|instruction)\./;

function stands(path, value) {
  const shown = sheet.querySelector(`[data-field="${CSS.escape(path)}"]`);
  if (!shown || canonicalise(JSON.parse(shown.dataset.value)) !== canonicalise(value)) return false;
  return !TEXT.test(path) || shown.textContent === value;
}

async function bytesShown() {
  const text = document.getElementById("canonical").textContent;
  const bytes = new TextEncoder().encode(text);
  const digest = [...await sha256(bytes)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const message = JSON.parse(text);
  const right = `sha256:${digest}` === sheet.dataset.digest && form.elements.digest.value === sheet.dataset.digest
    && canonicalise(message) === text && leaves(message).every(([path, value]) => stands(path, value));
  return right ? bytes : null;
}

function say(which, bad) {
  state.textContent = state.dataset[which];
  state.classList.toggle("doubt", bad);
}

function put(name, value) {
  const input = form.elements[name] ?? form.appendChild(Object.assign(document.createElement("input"), { type: "hidden", name }));
  input.value = value;
}

async function readiness() {
  if (!supported()) return void say("unsafe", true);
  const kept = await find(state.dataset.owner);
  if (!kept) return void say("none", true);
  say(state.dataset.enrolled.split(" ").includes(kept.keyId) ? "ready" : "notEnrolled", !state.dataset.enrolled.split(" ").includes(kept.keyId));
}

if (form) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (form.dataset.signing) return;
    form.dataset.signing = "1";
    try {
      const kept = supported() ? await find(state.dataset.owner) : null;
      if (!kept) return void await readiness();
      const bytes = await bytesShown();
      if (!bytes) return void say("differs", true);
      put("key_id", kept.keyId);
      put("signature", await sign(kept, bytes));
      form.submit();
    } catch (error) {
      console.error(error);
      say("failed", true);
    } finally {
      delete form.dataset.signing;
    }
  });
  await readiness();
}
