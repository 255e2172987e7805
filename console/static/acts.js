// Forms that act: a double click sends once (the server would take it once in any case), and a refusal gets the focus.

for (const form of document.querySelectorAll("main form")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) return void event.preventDefault();
    form.dataset.sent = "1";
    setTimeout(() => delete form.dataset.sent, 3000);
  });
}
document.querySelector("main .bad[tabindex]")?.focus();
