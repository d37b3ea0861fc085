"use strict";
/* The agent's line: the carrier's SDK, or the simulated network, behind the same few functions. */
(() => {
  const page = document.getElementById("phone");
  const words = document.getElementById("words").dataset;
  const $ = (id) => document.getElementById(id);
  const say = (text) => { $("line-state").textContent = text; };
  let line = null;

  function ringing(is) {
    $("answer").hidden = !is;
    say(is ? words.rings : words.ready);
    if (is) $("answer").focus();
  }

  /* `own`: a call that this browser made, and ends. */
  function talking(is, own = false) {
    $("mute").hidden = !is;
    $("hangup").hidden = !(is && own);
    $("mute").setAttribute("aria-pressed", "false");
    $("answer").hidden = true;
    say(is ? words.talking : words.ready);
  }

  /* What the caller told so far opens beside the call: a click allows a new tab. */
  function openForm() {
    const call = document.querySelector("#phone-now .call");
    const address = new URL(page.dataset.formUrl, location.href);
    if (call) address.searchParams.set("phone", call.dataset.number);
    if (call && call.dataset.draft) address.searchParams.set("draft", call.dataset.draft);
    window.open(address, "oncall");
  }

  function carrierLine() {
    let current = null, device = null;
    async function token() {
      const answer = await fetch(page.dataset.tokenUrl);
      if (!answer.ok) throw new Error("no token");
      return (await answer.json()).token;
    }
    async function connect() {
      device = new Twilio.Device(await token(), { closeProtection: true });
      device.on("registered", () => say(words.ready));
      device.on("error", () => say(words.away));
      device.on("tokenWillExpire", async () => device.updateToken(await token()));
      device.on("incoming", (call) => {
        current = call;
        ringing(true);
        call.on("cancel", () => ringing(false));
        call.on("disconnect", () => { current = null; talking(false); });
      });
      await device.register();
    }
    const ready = connect();
    ready.catch(() => say(words.away));
    return {
      async dial(id) {
        await ready;
        current = await device.connect({ params: { dial: id } });
        talking(true, true);
        const over = () => { current = null; talking(false); };
        current.on("disconnect", over);
        current.on("cancel", over);
        current.on("error", over);
      },
      hangUp() { if (current) current.disconnect(); },
      answer() { current.accept(); talking(true); },
      mute(is) { if (current) current.mute(is); },
    };
  }

  function simulatedLine() {
    const to = `client:${page.dataset.identity}`;
    let sid = null, rings = false, shown = 0;
    $("simulated").hidden = false;
    async function api(name, body, keepalive = false) {
      const headers = { "Content-Type": "application/json", "X-Simulator": "1" };
      const answer = await fetch(`/simulator/api/${name}`, { method: "POST", headers, keepalive, body: JSON.stringify(body) });
      return answer.ok ? answer.json() : null;
    }
    function show(call) {
      for (const heard of call.heard.slice(shown)) {
        const item = document.createElement("li");
        item.className = heard.who;
        item.textContent = heard.text;
        $("heard").append(item);
        if (heard.audio && heard.who === "caller") new Audio(`/simulator/api/audio/${heard.audio}.wav`).play().catch(() => {});
      }
      shown = call.heard.length;
      if (call.state === "completed") { sid = null; shown = 0; talking(false); }
    }
    async function look() {
      if (sid) {
        const call = await api("listen", { sid });
        if (call) show(call);
      } else {
        const found = await api("ringing", { to });
        const now = Boolean(found && found.call);
        if (!found) say(words.away);
        else if (now !== rings) { rings = now; ringing(now); }
        else if (!now) say(words.ready);
      }
      setTimeout(look, 1000);
    }
    look();
    /* A page that is left ends its call, as the carrier's SDK does. */
    addEventListener("pagehide", () => { if (sid) api("hangup", { sid }, true); });
    $("talk").addEventListener("submit", async (event) => {
      event.preventDefault();
      const text = $("talk-text").value;
      $("talk-text").value = "";
      if (sid && text) show(await api("speak", { sid, text }));
    });
    return {
      async dial(id) {
        shown = 0;
        rings = false;
        $("heard").replaceChildren();
        const call = await api("connect", { from: to, dial: id });
        if (!call) { say(words.away); return; }
        sid = call.sid;
        talking(true, true);
        show(call);
      },
      async hangUp() { if (sid) show(await api("hangup", { sid })); },
      async answer() {
        const found = await api("ringing", { to });
        if (!found || !found.call) return;
        sid = found.call;
        rings = false;
        shown = 0;
        $("heard").replaceChildren();
        const call = await api("pickup", { sid });
        if (call && call.state === "in-progress") { talking(true); show(call); } else { sid = null; ringing(false); }
      },
      mute(is) { if (sid) api("mute", { sid, muted: is }); },
    };
  }

  line = page.dataset.device === "twilio" ? carrierLine() : simulatedLine();
  /* A citizen whom the page of a complaint asked for: rung once. */
  let dialled = "";
  function dialAsked() {
    const asked = document.querySelector("#phone-now [data-dial]");
    if (!asked || asked.dataset.by !== "browser" || asked.dataset.dialState !== "owed" || asked.dataset.dial === dialled) return;
    dialled = asked.dataset.dial;
    Promise.resolve(line.dial(dialled)).catch(() => say(words.away));
  }
  document.addEventListener("htmx:afterSwap", dialAsked);
  dialAsked();
  $("hangup").addEventListener("click", () => line.hangUp());
  $("answer").addEventListener("click", () => { openForm(); line.answer(); });
  $("mute").addEventListener("click", () => {
    const is = $("mute").getAttribute("aria-pressed") !== "true";
    $("mute").setAttribute("aria-pressed", String(is));
    line.mute(is);
  });
})();
