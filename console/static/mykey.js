// The page of one's key: made here, shown as a link for the administrator, forgotten on demand.
import { find, forget, make, supported } from "./keystore.js";

const page = document.getElementById("my-key");
const state = document.getElementById("my-key-state");
const [facts, id, link] = ["my-key-facts", "my-key-id", "my-key-link"].map((name) => document.getElementById(name));
const [makeButton, forgetButton] = ["make-key", "forget-key"].map((name) => document.getElementById(name));
const { owner } = page.dataset;

async function show() {
  if (!supported()) return void (state.textContent = state.dataset.unsafe);
  const kept = await find(owner);
  const enrolled = kept && page.dataset.enrolled.split(" ").includes(kept.keyId);
  state.textContent = !kept ? state.dataset.none : enrolled ? state.dataset.ready : state.dataset.notEnrolled;
  facts.hidden = !kept;
  makeButton.hidden = Boolean(kept);
  forgetButton.hidden = !kept;
  if (!kept) return;
  id.textContent = kept.keyId;
  const query = new URLSearchParams({ owner, x: kept.x });
  link.value = `${location.origin}${page.dataset.link}&${query}`;
}

makeButton.addEventListener("click", async () => {
  makeButton.disabled = true;
  await make(owner);
  makeButton.disabled = false;
  await show();
});
forgetButton.addEventListener("click", async () => {
  if (!confirm(forgetButton.dataset.sure)) return;
  await forget(owner);
  await show();
});
link?.addEventListener("focus", () => link.select());
await show();
