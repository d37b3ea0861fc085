"use strict";
/* The page one is on stands in sight in the row of pages, which may be longer than the screen. */
document.querySelector(".top nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
document.querySelector(".tabs.one-row [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
/* The menu of the signed-in person closes with a click elsewhere, or Escape. */
document.addEventListener("click", (e) => {
  const menu = document.querySelector(".myself[open]");
  if (menu && !menu.contains(e.target)) menu.open = false;
});
document.addEventListener("keydown", (e) => {
  const menu = document.querySelector(".myself[open]");
  if (menu && e.key === "Escape") {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});
document.addEventListener("htmx:configRequest", (e) => { e.detail.headers["X-CSRF-Token"] = document.querySelector('meta[name="csrf"]').content; });
/* Whoever was signed out meanwhile learns it from the page itself, with what is typed in it left as it is. */
document.addEventListener("htmx:responseError", (e) => {
  const told = document.getElementById("signed-out");
  if (told && e.detail.xhr.status === 401) told.hidden = false;
});
document.addEventListener("click", (e) => {
  const chosen = e.target.closest("[data-category]");
  if (chosen) { const field = document.getElementById("category"); field.value = chosen.dataset.category; field.dispatchEvent(new Event("change", { bubbles: true })); field.focus(); }
});
document.addEventListener("click", (e) => {
  const person = e.target.closest("[data-person]");
  if (person) { const field = document.getElementById("name"); field.value = person.dataset.person; field.dispatchEvent(new Event("change", { bubbles: true })); field.focus(); }
});
/* Keyboard: / search, n new complaint, j and k along the rows, Enter opens. */
let at = -1;
document.addEventListener("keydown", (e) => {
  if (/INPUT|TEXTAREA|SELECT/.test(e.target.tagName) || e.ctrlKey || e.metaKey || e.altKey) return;
  const rows = [...document.querySelectorAll("#rows tr")];
  if (e.key === "/" && document.getElementById("search")) { e.preventDefault(); document.getElementById("search").focus(); }
  else if (e.key === "n") { const link = document.querySelector('.top nav a[href$="/new"]'); if (link) location.href = link.href; }
  else if ((e.key === "j" || e.key === "k") && rows.length) {
    at = Math.max(0, Math.min(rows.length - 1, at + (e.key === "j" ? 1 : -1)));
    rows.forEach((r, i) => r.classList.toggle("at", i === at));
    const link = rows[at].querySelector("a"); if (link) link.focus();
  }
});
/* Response templates: a click, or Alt and its number while its field has the focus, puts the text where the cursor is. */
function insertReply(button) {
  const field = document.getElementById(button.dataset.into);
  field.setRangeText(button.dataset.insert, field.selectionStart, field.selectionEnd, "end");
  field.focus();
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.dispatchEvent(new Event("change", { bubbles: true }));
}
document.addEventListener("click", (e) => {
  const button = e.target.closest("[data-insert]");
  if (button) insertReply(button);
});
document.addEventListener("keydown", (e) => {
  if (!e.altKey || !/^Digit[1-9]$/.test(e.code) || e.target.tagName !== "TEXTAREA") return;
  const button = document.querySelector(`[data-into="${e.target.id}"][data-key="${e.code.slice(-1)}"]`);
  if (button) { e.preventDefault(); insertReply(button); }
});
/* Which form is open on a complaint's page is told to whoever else has it open. */
document.addEventListener("toggle", (e) => {
  const here = document.getElementById("here");
  if (!here || !e.target.dataset.action) return;
  const open = document.querySelector("details[data-action][open]");
  here.elements.doing.value = open ? open.dataset.action : "";
  here.dispatchEvent(new Event("doing"));
}, true);
/* The on-call form: kept as a draft while it is typed; what could not be sent yet stays in this browser until it is. */
const intake = document.getElementById("intake");
if (intake) {
  const said = document.getElementById("saved"), id = document.getElementById("form-id"), store = "intake-unsent" + intake.elements.callback.value;
  if (!id.value) id.value = (crypto.randomUUID ? crypto.randomUUID() : String(Math.random())).slice(0, 40);
  const fields = () => Object.fromEntries(new FormData(intake)); let timer = null, busy = false, again = false, leaving = false;
  const kept = localStorage.getItem(store);
  if (kept && !document.getElementById("draft").value) {
    const values = JSON.parse(kept);
    for (const [name, value] of Object.entries(values)) if (name !== "csrf_token" && intake.elements[name] && !intake.elements[name].value) intake.elements[name].value = value;
    id.value = values.form || id.value; later(0);
  }
  function later(wait = 600) { localStorage.setItem(store, JSON.stringify(fields())); clearTimeout(timer); timer = setTimeout(save, wait); }
  async function save() {
    if (leaving) return; if (busy) { again = true; return; }
    const values = fields(); if (!values.phone && !values.name && !values.description && !values.category) return;
    busy = true; said.textContent = intake.dataset.saving;
    try {
      const answer = await fetch(intake.dataset.draftUrl, { method: "POST", body: new FormData(intake) });
      if (!answer.ok || answer.redirected) throw new Error();
      document.getElementById("draft").value = (await answer.json()).draft; localStorage.removeItem(store); said.textContent = intake.dataset.saved;
    } catch { said.textContent = intake.dataset.unsaved; clearTimeout(timer); timer = setTimeout(save, 3000); }
    busy = false; if (again) { again = false; later(100); }
  }
  /* What is known of the number fills what nobody typed, and goes again with another number. */
  const typed = new Set(), given = {};
  intake.addEventListener("input", (e) => { if (e.isTrusted) typed.add(e.target.name); });
  document.addEventListener("htmx:afterSwap", (e) => {
    if (e.target.id !== "caller" || (!typed.has("phone") && (document.getElementById("draft").value || intake.elements.callback.value))) return;
    const known = document.getElementById("known");
    for (const name of ["name", "language"]) {
      const field = intake.elements[name], value = known ? known.dataset[name] : "";
      if (typed.has(name) || (name === "name" && field.value && field.value !== given.name) || (name === "language" && !value)) continue;
      field.value = given[name] = value;
    }
  });
  /* The district of the PIN code is chosen where nobody chose one. */
  document.addEventListener("htmx:oobAfterSwap", (e) => {
    const field = intake.elements.district, meant = document.getElementById("pin-place").dataset.district;
    if (e.target.id !== "pin-place" && e.detail.target?.id !== "pin-place" || !meant || (field.value && field.value !== given.district)) return;
    field.value = given.district = meant;
  });
  intake.addEventListener("input", () => later()); intake.addEventListener("change", () => later(50));
  if ([...intake.elements].some((field) => field.type !== "hidden" && "defaultValue" in field && field.value !== field.defaultValue)) later();  // typed before this ran
  intake.addEventListener("submit", () => { leaving = true; clearTimeout(timer); localStorage.removeItem(store); });
}
