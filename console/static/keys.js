// Keys: `g` and a room's key opens the room, `?` shows all keys, data-key="x" on a page is clicked by x (an input: focused).
// Nothing happens while somebody types, or with Ctrl, Alt or Meta held.

const GO_MS = 1500;
let going = 0;

function typing(target) {
  return target.closest?.("input, textarea, select, [contenteditable]");
}

function press(key) {
  const found = [...document.querySelectorAll("[data-key]")].find((each) => each.dataset.key === key && each.offsetParent !== null);
  if (!found) return false;
  if (typing(found)) found.focus();
  else found.click();
  return true;
}

function onKey(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
  if (event.key === "Escape" && typing(event.target)) return void event.target.blur();
  if (typing(event.target) || document.querySelector("dialog[open]")) return;
  if (event.key === "Enter" && event.target.closest("a, button, summary")) return; // it has an Enter of its own
  if (event.key === "g") return void (going = performance.now());
  if (performance.now() - going < GO_MS) {
    going = 0;
    const room = document.querySelector(`[data-go="${CSS.escape(event.key)}"]`);
    if (room) return void room.click();
  }
  if (press(event.key)) event.preventDefault();
}

function help() {
  const dialog = document.getElementById("help");
  const list = dialog.querySelector("dl");
  list.replaceChildren();
  const add = (keys, says) => {
    const [term, meaning] = [document.createElement("dt"), document.createElement("dd")];
    for (const key of keys) {
      const cap = document.createElement("kbd");
      cap.textContent = key;
      term.append(cap, " ");
    }
    meaning.textContent = says;
    list.append(term, meaning);
  };
  for (const room of document.querySelectorAll("[data-go]")) {
    add(["g", room.dataset.go], `${dialog.dataset.goSays} ${room.firstChild.textContent}`);
  }
  const told = new Set();
  for (const each of document.querySelectorAll("[data-key][data-says]")) {
    if (told.has(each.dataset.key)) continue;
    told.add(each.dataset.key);
    add([each.dataset.key], each.dataset.says);
  }
  for (const each of document.querySelectorAll("[data-keys-say]")) {
    for (const line of each.dataset.keysSay.split("|")) add(...line.split("=").map((part, at) => (at ? part : part.split(" "))));
  }
  dialog.showModal();
}

export function startKeys() {
  document.addEventListener("keydown", onKey);
  document.getElementById("help-button")?.addEventListener("click", help);
}
