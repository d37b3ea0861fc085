"use strict";
const $ = (id) => document.getElementById(id);
let call = null, keys = "", keyTimer = null, spokenUpTo = 0, recorder = null, lastThread = "";

async function api(name, body) {
  const answer = await fetch(`api/${name}`, { method: "POST", headers: { "Content-Type": "application/json", "X-Simulator": "1" }, body: JSON.stringify(body || {}) }).catch(() => ({ status: "is it running?" }));
  if (!answer.ok) { $("status").textContent = `The helpline did not answer (${answer.status}).`; return null; }
  const data = await answer.json();
  if (data && data.error) { $("status").textContent = data.error; return null; }
  return data;
}
const inBase64 = (file) => new Promise((done) => {
  const reader = new FileReader();
  reader.onload = () => done({ type: file.type, base64: reader.result.slice(reader.result.indexOf(",") + 1) });
  reader.readAsDataURL(file);
});
const line = () => $("line").value;
const controls = () => document.querySelectorAll("#pad button, #hangup, #silence, #mic, #say, #speech button");
const enable = (live) => { for (const control of controls()) control.disabled = !live; };
// One thing after the other, as on a telephone: what is pressed waits for the helpline's answer to what was pressed before.
let busy = false, turn = Promise.resolve();
function inTurn(what) {
  turn = turn.then(async () => {
    busy = true;
    try { await what(); } finally { busy = false; }
  });
  return turn;
}
function bubble(kind, text, language) {
  const item = document.createElement("li");
  item.className = kind; item.textContent = shown(text); if (language) item.lang = language;
  return item;
}
function withMedia(item, media) {
  for (const { sid, type } of media) {
    const shown = document.createElement(type.startsWith("image/") ? "img" : "span");
    if (shown.tagName === "IMG") { shown.src = `api/media/${sid}`; shown.alt = "A picture that was sent along"; } else shown.textContent = ` 📎 ${type}`;
    item.append(shown);
  }
  return item;
}
// A recording is shown by the name of its file.
const recording = (text) => text.startsWith("♪ ") ? text.slice(2) : null;
const shown = (text) => {
  const file = recording(text);
  if (!file) return text;
  return file.includes("/Recordings/") ? "♪ (what was recorded)" : `♪ ${file.split("/").slice(-2).join("/").replace(".wav", "")}`;
};
function show(next) {
  if (!next) return;
  call = next;
  const live = call.state === "in-progress";
  sessionStorage.setItem("call", live ? JSON.stringify({ sid: call.sid, line: line() }) : "");
  $("talk").replaceChildren(...call.heard.filter((h) => !h.text.includes("/audio/silence/")).map((h) => bubble(h.who, h.text, h.language)));
  $("talk").scrollTop = $("talk").scrollHeight;
  $("status").textContent = !live ? "The call has ended." : call.asks === "Record" ? "Recording: speak, then #" : call.asks === "Conference" ? "In a talk: type and press Speak" : "Connected: press a key";
  enable(live);
  $("dial").disabled = live;
  if ($("aloud").checked) readAloud();
  spokenUpTo = call.heard.length;
}
let playing = null;
function readAloud() {
  if (window.speechSynthesis) speechSynthesis.cancel();
  if (playing) playing.pause();
  sayNext(call.heard.slice(spokenUpTo).filter((h) => h.who === "helpline"));
}
function sayNext(rest) {
  if (!rest.length) return;
  const [now, ...later] = rest, file = recording(now.text), next = () => sayNext(later);
  if (file) {
    playing = new Audio(new URL(file, location.href).pathname); playing.onended = next; playing.onerror = next; playing.play().catch(next);
  } else if (window.speechSynthesis) {
    const words = new SpeechSynthesisUtterance(now.text); words.lang = now.language; words.onend = next; speechSynthesis.speak(words);
  }
}
$("dial").onclick = () => inTurn(async () => { if (call && call.state === "in-progress") return; spokenUpTo = 0; show(await api("dial", { number: line() })); refresh(); });
$("hangup").onclick = () => inTurn(async () => {
  if (!call) return;
  if (recorder) await stopRecording();
  show(await api("hangup", { sid: call.sid, text: call.asks === "Record" ? $("say").value : "" }));
  $("say").value = "";
  refresh();
});
$("silence").onclick = () => inTurn(async () => { if (call) show(await api("silence", { sid: call.sid })); });
/* What others say and do in the call: an agent speaks, the place in the queue is told again. */
async function listen() {
  if (!call || call.state !== "in-progress" || keys || busy) return;
  const next = await api("listen", { sid: call.sid });
  if (!next || !call || next.sid !== call.sid || busy) return;
  for (const heard of next.heard.slice(call.heard.length)) {
    if (heard.audio && heard.who === "agent") new Audio(`api/audio/${heard.audio}.wav`).play().catch(() => {});
  }
  if (next.heard.length !== call.heard.length || next.state !== call.state || next.asks !== call.asks) show(next);
}
setInterval(listen, 1500);
let rings = null;
$("pickup").onclick = () => inTurn(async () => { spokenUpTo = 0; show(await api("pickup", { sid: rings })); refresh(); });
$("turnaway").onclick = async () => { await api("turnaway", { sid: rings }); refresh(); };
function press(key) {
  if (!call || call.state !== "in-progress") return;
  keys += key; $("status").textContent = `Keyed: ${keys}`;
  clearTimeout(keyTimer);
  const full = call.asks === "Record" || (call.digits && keys.length >= call.digits) || key === "#" || keys === "*" || keys === "0" && call.digits !== 11 && call.digits !== 6 && call.digits !== 10;
  keyTimer = setTimeout(() => {
    const sent = keys;
    keys = "";
    inTurn(async () => { if (call) show(await api("press", { sid: call.sid, keys: sent })); refresh(); });
  }, full ? 0 : 3000);
}
for (const b of document.querySelectorAll("#pad button")) b.onclick = () => press(b.dataset.key);
document.addEventListener("keydown", (e) => { if (/^[0-9*#]$/.test(e.key) && !/INPUT|TEXTAREA|SELECT/.test(e.target.tagName) && !e.ctrlKey && !e.metaKey) press(e.key); });
$("speech").onsubmit = (e) => {
  e.preventDefault();
  const text = $("say").value;
  if (!text || !call) return;
  $("say").value = "";
  inTurn(async () => {
    const next = call && await api("speak", { sid: call.sid, text });
    if (!next) $("say").value ||= text;
    show(next); refresh();
  });
};
$("sms").onsubmit = async (e) => {
  e.preventDefault(); const body = $("body").value, files = await Promise.all([...$("files").files].map(inBase64));
  $("body").value = "";
  const answer = await (files.length ? api("text_with", { number: line(), body, files }) : api("text", { number: line(), body }));
  if (answer) $("files").value = ""; else $("body").value ||= body;
  refresh();
};
$("body").onkeydown = (e) => { if (e.key === "Enter" && !e.shiftKey && !e.isComposing) { e.preventDefault(); $("sms").requestSubmit(); } };
$("agents").onchange = () => api("agents", { answer: $("agents").checked });
$("line").onchange = () => inTurn(async () => {
  if (call && call.state === "in-progress") await api("hangup", { sid: call.sid });
  call = null;
  sessionStorage.setItem("call", "");
  enable(false);
  $("talk").replaceChildren();
  $("status").textContent = "Ready";
  $("dial").disabled = false;
  lastThread = "";
  refresh();
});
// A page that is loaded again goes on with its call.
inTurn(async () => {
  const kept = JSON.parse(sessionStorage.getItem("call") || "null");
  if (!kept) return;
  $("line").value = kept.line;
  const next = await api("listen", { sid: kept.sid });
  if (next) { spokenUpTo = next.heard.length; show(next); }
});

async function refresh() {
  const answer = await fetch(`api/thread?number=${encodeURIComponent(line())}`).catch(() => null);
  if (!answer || !answer.ok) return;
  const data = await answer.json(), seen = JSON.stringify(data);
  rings = data.ringing; $("ringing").hidden = !rings;
  if (seen === lastThread) return;
  lastThread = seen;
  $("agents").checked = data.agents;
  $("thread").replaceChildren(...data.messages.map((m) => withMedia(bubble(m.sender === line() ? "mine" : "helpline", m.body), m.media)));
  $("thread").scrollTop = $("thread").scrollHeight;
  $("nothing").hidden = data.sent.length > 0; $("sending").hidden = !data.sent.length;
  $("sent").replaceChildren(...data.sent.map((m) => {
    const row = document.createElement("tr");
    for (const text of [m.recipient, m.body, m.status + (m.code ? ` ${m.code}` : "")]) { const cell = document.createElement("td"); cell.textContent = text; row.append(cell); }
    return row;
  }));
}
setInterval(refresh, 1500); refresh();

async function stopRecording() {
  const stop = recorder;
  recorder = null;
  await stop();
}
$("mic").onclick = async () => {
  if (recorder) { inTurn(stopRecording); return; }
  let stream;
  try { stream = await navigator.mediaDevices.getUserMedia({ audio: true }); } catch { $("status").textContent = "No microphone: type what is said instead."; return; }
  const context = new AudioContext(), source = context.createMediaStreamSource(stream), node = context.createScriptProcessor(4096, 1, 1), parts = [];
  node.onaudioprocess = (e) => parts.push(new Float32Array(e.inputBuffer.getChannelData(0)));
  source.connect(node); node.connect(context.destination); $("mic").textContent = "Stop and send";
  recorder = async () => {
    node.disconnect(); stream.getTracks().forEach((t) => t.stop()); $("mic").textContent = "Record from the microphone";
    const wav = toWav(parts, context.sampleRate); context.close();
    const answer = await fetch(`api/record?sid=${call.sid}`, { method: "POST", headers: { "X-Simulator": "1", "Content-Type": "audio/wav" }, body: wav });
    if (answer.ok) show(await answer.json());
  };
};
function toWav(parts, rate) {
  const all = new Float32Array(parts.reduce((n, p) => n + p.length, 0)); let at = 0;
  for (const p of parts) { all.set(p, at); at += p.length; }
  const step = rate / 8000, count = Math.floor(all.length / step), out = new DataView(new ArrayBuffer(44 + count * 2));
  const put = (o, s) => [...s].forEach((c, i) => out.setUint8(o + i, c.charCodeAt(0)));
  put(0, "RIFF"); out.setUint32(4, 36 + count * 2, true); put(8, "WAVEfmt "); out.setUint32(16, 16, true); out.setUint16(20, 1, true); out.setUint16(22, 1, true);
  out.setUint32(24, 8000, true); out.setUint32(28, 16000, true); out.setUint16(32, 2, true); out.setUint16(34, 16, true); put(36, "data"); out.setUint32(40, count * 2, true);
  for (let i = 0; i < count; i++) out.setInt16(44 + i * 2, Math.max(-1, Math.min(1, all[Math.floor(i * step)])) * 32767, true);
  return out.buffer;
}
