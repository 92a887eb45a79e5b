// The live page. One EventSource carries everything; jobs are kept by id and drawn once a frame. Every message is checked:
// what cannot be read is counted and shown, and never stops the page. An object with a smaller `rev` is older and ignored.
"use strict";

const API = "/api/v1";
const MOST_ENDED = 100;
const ENDED = new Set(["succeeded", "failed", "cancelled"]);
const $ = (id) => document.getElementById(id);

const state = {
  source: null, connection: "connecting", lastMessage: 0, retry: 0, timer: 0, retryAt: 0, heartbeat: 15000,
  jobs: new Map(), pipelines: new Map(), unreadable: 0, resynced: 0, why: "", dirty: new Set(), all: true, frame: 0, cursor: "",
};

// --- drawing -------------------------------------------------------------------------------------------------------

function make(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") node.className = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== undefined && child !== null && child !== false));
  return node;
}

function bytes(count) {
  const units = ["B", "KiB", "MiB", "GiB"];
  let unit = 0;
  let number = Number(count) || 0;
  while (number >= 1024 && unit < 3) { number /= 1024; unit += 1; }
  return `${unit ? number.toFixed(1) : number} ${units[unit]}`;
}

function span(ms) {
  if (!Number.isFinite(ms)) return "";
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60000) return `${(ms / 1000).toFixed(1)} s`;
  return `${Math.floor(ms / 60000)} min ${Math.round((ms % 60000) / 1000)} s`;
}

function draw(what) {
  if (what) state.dirty.add(what); else state.all = true;
  if (state.frame) return;
  // A hidden tab gets no frames, but should be right when it is looked at.
  state.frame = document.hidden ? setTimeout(paint, 500) : requestAnimationFrame(paint);
}

function paint() {
  state.frame = 0;
  if (state.all) { paintPipelines(); paintJobs(); } else for (const id of state.dirty) paintJob(id);
  state.dirty.clear();
  state.all = false;
  paintCounters();
}

function isShown(job) {
  const wanted = $("filter").value;
  return !wanted || job.state === wanted || (wanted === "open" && !ENDED.has(job.state));
}

function sorted() {
  return [...state.jobs.values()].filter(isShown).sort((a, b) => (a.id < b.id ? 1 : -1));
}

function paintJobs() {
  const jobs = sorted();
  const list = $("jobs");
  const keep = new Set(jobs.map((job) => `job-${job.id}`));
  for (const node of [...list.children]) if (!keep.has(node.id)) node.remove();
  let before = list.firstChild;
  for (const job of jobs) {
    const old = document.getElementById(`job-${job.id}`);
    const node = fill(job, old);
    if (node !== before) list.insertBefore(node, before);
    before = node.nextSibling;
  }
  $("no-jobs").hidden = state.jobs.size > 0;
}

function paintJob(id) {
  const job = state.jobs.get(id);
  const node = document.getElementById(`job-${id}`);
  if (job && node && isShown(job)) fill(job, node);
  else paintJobs();
}

function fill(job, old) {
  const node = old ?? make("li", { id: `job-${job.id}` });
  node.dataset.state = job.state;
  const focused = node.contains(document.activeElement) ? document.activeElement.textContent : null;
  const bar = node.querySelector("progress");
  node.replaceChildren(...parts(job, bar));
  if (focused) [...node.querySelectorAll("button, a")].find((one) => one.textContent === focused)?.focus();
  return node;
}

function parts(job, bar) {
  const steps = Array.isArray(job.steps) ? job.steps : [];
  const out = [make("div", { class: "row" },
    make("h3", {}, job.name || job.id),
    make("span", { class: "state" }, job.state ?? "?"))];
  const facts = [job.pipeline, job.size ? bytes(job.size) : null,
    job.attempts > 1 ? `attempt ${job.attempts}` : null, job.ranMs && ENDED.has(job.state) ? `took ${span(job.ranMs)}` : null,
    job.until && job.state === "waiting" ? `tries again ${new Date(job.until).toLocaleTimeString()}` : null];
  out.push(make("p", { class: "quiet" }, facts.filter(Boolean).join(" · ")));
  if (job.state === "running" || job.state === "delivering") out.push(...progress(job, steps, bar));
  const problem = job.problem;
  if (problem && typeof problem === "object" && job.state !== "succeeded") {
    const where = [problem.step ? `step ${problem.step}` : null, problem.page ? `page ${problem.page}` : null].filter(Boolean).join(", ");
    out.push(make("p", { class: "problem" },
      problem.type ? make("a", { href: problem.type }, problem.title ?? "Problem") : (problem.title ?? "Problem"),
      where ? ` (${where})` : "", `: ${problem.detail ?? ""}`));
    if (problem.hint) out.push(make("p", { class: "hint" }, problem.hint));
  }
  for (const warning of job.warnings ?? []) out.push(make("p", { class: "warning" }, warning));
  out.push(actions(job));
  return out;
}

function progress(job, steps, old) {
  const live = job.progress;
  const count = live?.steps || steps.length || 1;
  const index = live?.index ?? steps.findIndex((step) => step.status === "running");
  const share = live && live.total > 0 ? Math.min(1, live.done / live.total) : 0;
  const value = job.state === "delivering" ? 1 : Math.min(1, (Math.max(index, 0) + share) / count);
  const bar = old ?? make("progress", { max: 1 });
  bar.value = value;
  bar.setAttribute("aria-label", `Progress of ${job.name}`);
  const step = live?.step ?? steps[index]?.id;
  const text = job.state === "delivering" ? "delivering" : [step ? `${step} (${index + 1} of ${count})` : "starting",
    live?.total > 0 ? `${live.done} of ${live.total} pages` : null,
    live?.parts > 1 ? `document ${live.part} of ${live.parts}` : null,
    live?.etaMs > 0 ? `${span(live.etaMs)} left` : null].filter(Boolean).join(" · ");
  return [bar, make("p", { class: "quiet" }, text)];
}

function actions(job) {
  const base = `${API}/jobs/${encodeURIComponent(job.id)}`;
  const box = make("p", { class: "actions" });
  const button = (text, verb) => make("button", { type: "button", "aria-label": `${text} ${job.name}`,
    onclick: () => act(`${base}/${verb}`, job) }, text);
  if (!ENDED.has(job.state) && job.state !== "delivering") box.append(button("Cancel", "cancel"));
  if (job.state === "failed" || job.state === "cancelled") box.append(button("Retry", "retry"), button("Restore", "restore"));
  for (const artifact of job.artifacts ?? []) {
    if (artifact?.href && artifact.kind !== "original") box.append(make("a", { href: artifact.href, download: true }, artifact.name));
  }
  box.append(make("a", { href: `${base}/log`, target: "_blank", rel: "noopener", "aria-label": `Log of ${job.name}` }, "Log"));
  if (job.notice) box.append(make("span", { class: "problem", role: "alert" }, job.notice));
  return box;
}

async function act(url, job) {
  const answer = await ask(url, { method: "POST" });
  job.notice = answer.ok ? "" : answer.text;
  draw(job.id);
}

function paintCounters() {
  const counts = {};
  for (const job of state.jobs.values()) counts[job.state] = (counts[job.state] ?? 0) + 1;
  const text = Object.entries(counts).sort().map(([word, count]) => `${count} ${word}`).join(" · ");
  if ($("counters").textContent !== text) $("counters").textContent = text;
}

function paintPipelines() {
  const all = [...state.pipelines.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  $("no-pipelines").hidden = all.length > 0 || state.connection === "login";
  const list = $("pipelines");
  if (list.contains(document.activeElement) && list.dataset.shown === JSON.stringify(all)) return;
  list.dataset.shown = JSON.stringify(all);
  list.replaceChildren(...all.map((pipeline) => {
    const input = make("input", { type: "file", accept: "application/pdf,.pdf", multiple: true, id: `file-${pipeline.id}`,
      onchange: (event) => { uploadAll(pipeline.id, event.target.files); event.target.value = ""; } });
    const folder = pipeline.folder ?? {};
    return make("li", {
      ondragover: (event) => { event.preventDefault(); event.currentTarget.classList.add("over"); },
      ondragleave: (event) => event.currentTarget.classList.remove("over"),
      ondrop: (event) => { event.preventDefault(); event.currentTarget.classList.remove("over"); uploadAll(pipeline.id, event.dataTransfer.files); },
    },
    make("h3", {}, pipeline.id, pipeline.state && pipeline.state !== "active" ? make("span", { class: "warning" }, ` (${pipeline.state})`) : ""),
    pipeline.description ? make("p", {}, pipeline.description) : null,
    folder.folder ? make("p", { class: "quiet mono" }, folder.folder) : null,
    folder.state && folder.state !== "online" ? make("p", { class: "problem" }, `${folder.state}: ${folder.reason ?? ""}`) : null,
    pipeline.paused ? make("p", { class: "warning" }, `paused: ${pipeline.paused}`) : null,
    ...(pipeline.faults ?? []).map((fault) => make("p", { class: "problem" },
      typeof fault === "string" ? fault : `${fault.file}:${fault.line}:${fault.column}: ${fault.message}`,
      fault.hint ? make("span", { class: "hint" }, ` ${fault.hint}`) : "")),
    make("p", {}, make("label", { for: `file-${pipeline.id}` }, "Drop PDFs here, or choose: "), input));
  }));
}

// --- the feed ------------------------------------------------------------------------------------------------------

// The word is announced; the detail beside it changes every second and is not.
function connection(word, text, detail = "") {
  state.connection = word;
  $("connection").dataset.state = word;
  if ($("connection-text").textContent !== text) $("connection-text").textContent = text;
  if ($("connection-detail").textContent !== detail) $("connection-detail").textContent = detail;
  $("reconnect").hidden = word === "live" || word === "login";
}

function open() {
  clearTimeout(state.timer);
  state.retryAt = 0;
  state.source?.close();
  connection("connecting", "Connecting");
  const query = state.cursor ? `?last_event_id=${encodeURIComponent(state.cursor)}` : "";
  const source = new EventSource(`${API}/events${query}`);
  state.source = source;
  state.lastMessage = Date.now();
  for (const name of NAMES) source.addEventListener(name, (event) => { if (state.source === source) receive(name, event); });
  source.onopen = () => { if (state.source === source) { state.lastMessage = Date.now(); } };
  source.onerror = () => { if (state.source === source) failed(source); };
}

// EventSource tries again by itself after a cut, but gives up for good on any error status: then it is on us.
async function failed(source) {
  if (source.readyState !== EventSource.CLOSED) { connection("reconnecting", "Reconnecting", age()); return; }
  const answer = await ask(`${API}/pipelines`, {}).catch(() => null);
  if (state.source !== source) return;
  if (answer?.status === 401) { login(); return; }
  later(answer && !answer.ok ? answer.text : "");
}

function later(why) {
  state.source?.close();
  const delay = 500 + Math.random() * Math.min(30000, 1000 * 2 ** state.retry);
  state.retry += 1;
  state.retryAt = Date.now() + delay;
  clearTimeout(state.timer);
  state.timer = setTimeout(open, delay);
  state.why = why;
  connection("lost", "Connection lost", waiting());
}

function waiting() {
  const seconds = Math.max(0, Math.ceil((state.retryAt - Date.now()) / 1000));
  return [`next try in ${seconds} s`, state.why, age()].filter(Boolean).join(", ");
}

function age() {
  return state.lastMessage ? `last update ${new Date(state.lastMessage).toLocaleTimeString()}` : "";
}

// Nothing for 2.5 heartbeats: the line is dead, though nobody said so.
function watch() {
  const silent = Date.now() - state.lastMessage;
  if (state.connection === "live") {
    if (silent > 2.5 * state.heartbeat) later("silence");
    else connection("live", "Live", age());
  } else if (state.retryAt) {
    connection("lost", "Connection lost", waiting());
  } else if (state.connection !== "login" && silent > 2.5 * state.heartbeat) later("silence");
}

function unreadable(name, error) {
  state.unreadable += 1;
  console.warn("unreadable event", name, error);
  $("unreadable").textContent = `${state.unreadable} unreadable events`;
  // Something may have been missed: start from a snapshot, but not over and over.
  if (Date.now() - state.resynced > 60000) { state.resynced = Date.now(); state.cursor = ""; open(); }
}

function receive(name, event) {
  state.lastMessage = Date.now();
  let data;
  try {
    data = JSON.parse(event.data);
    if (data === null || typeof data !== "object") throw new TypeError("not an object");
    const id = event.lastEventId;
    apply(name, data);
    if (id) state.cursor = id;
  } catch (error) { unreadable(name, error); return; }
  if (name !== "shutdown" && name !== "reset" && state.connection !== "live") { connection("live", "Live"); }
  if (name === "ping") state.retry = 0;
}

function apply(name, data) {
  if (name === "hello") return hello(data);
  if (name === "snapshot") return snapshot(data);
  if (name === "reset") { state.cursor = ""; if (data.reason === "slow-consumer") later("too slow"); return; }
  if (name === "shutdown") { connection("reconnecting", "The daemon is stopping"); return; }
  if (name === "ping") return;
  if (name.startsWith("pipeline.") || name.startsWith("watch.")) return aboutPipeline(name, data);
  if (typeof data.job === "string") aboutJob(name, data);
}

function hello(data) {
  if (typeof data.build === "string") $("version").textContent = `Dropleaf ${data.build}`;
  if (Number.isFinite(data.heartbeatMs) && data.heartbeatMs >= 1000) state.heartbeat = data.heartbeatMs;
  connection("live", "Live");
}

function snapshot(data) {
  if (!Array.isArray(data.jobs) || !Array.isArray(data.pipelines)) throw new TypeError("a snapshot without lists");
  const old = state.jobs;
  state.jobs = new Map();
  for (const job of data.jobs) {
    if (typeof job?.id !== "string") continue;
    const known = old.get(job.id);
    state.jobs.set(job.id, known && known.rev > job.rev ? known : { ...job, size: job.size ?? job.input?.size });
  }
  state.pipelines = new Map(data.pipelines.filter((one) => typeof one?.id === "string").map((one) => [one.id, one]));
  if (typeof data.cursor === "string") state.cursor = data.cursor;
  draw();
  refreshAll();
}

function aboutPipeline(name, data) {
  const id = data.pipeline;
  if (typeof id !== "string") throw new TypeError("no pipeline");
  if (name === "pipeline.removed") { state.pipelines.delete(id); draw(); return; }
  const known = state.pipelines.get(id) ?? { id, rev: 0 };
  if (data.rev < known.rev) return;
  const next = { ...known, rev: data.rev };
  if (name === "pipeline.loaded") Object.assign(next, { revision: data.revision, faults: [], state: known.paused ? "paused" : "active" });
  if (name === "pipeline.invalid") Object.assign(next, { faults: data.faults ?? [], state: known.revision ? known.state : "invalid" });
  if (name === "pipeline.paused") Object.assign(next, { paused: data.reason ?? "paused", state: "paused" });
  if (name === "pipeline.resumed") Object.assign(next, { paused: undefined, state: "active" });
  if (name.startsWith("watch.")) next.folder = { folder: data.folder, state: name.slice(6), reason: data.reason };
  state.pipelines.set(id, next);
  draw();
  if (name === "pipeline.loaded") refresh(id);
}

// What a pipeline is about is neither in its events nor in a snapshot: ask once.
async function refreshAll() {
  const answer = await ask(`${API}/pipelines`, {});
  if (!answer.ok || !Array.isArray(answer.json?.pipelines)) return;
  for (const one of answer.json.pipelines) {
    const known = state.pipelines.get(one.id);
    if (known && one.rev >= known.rev) state.pipelines.set(one.id, one);
  }
  draw();
}

async function refresh(id) {
  const answer = await ask(`${API}/pipelines/${encodeURIComponent(id)}`, {}).catch(() => null);
  const known = state.pipelines.get(id);
  if (!answer?.ok || !known || !(answer.json?.rev >= known.rev)) return;
  state.pipelines.set(id, answer.json);
  draw();
}

function aboutJob(name, data) {
  const known = state.jobs.get(data.job);
  if (!Number.isFinite(data.rev)) throw new TypeError("no rev");
  if (known && data.rev < known.rev) return;
  const isNew = !known;
  const job = known ? { ...known } : { id: data.job, rev: 0, steps: [], warnings: [] };
  if (name === "step.progress") {
    if (isNew || ENDED.has(job.state)) return;
    job.progress = data;
    state.jobs.set(job.id, job);
    draw(job.id);
    return;
  }
  if (known && data.rev === known.rev) return;
  // Older than the snapshot shows, and not enough to make a job of.
  if (isNew && typeof data.state !== "string") return;
  job.rev = data.rev;
  for (const key of ["name", "pipeline", "path", "state", "size"]) if (data[key] !== undefined) job[key] = data[key];
  change(job, name, data);
  state.jobs.set(job.id, job);
  forget();
  draw(isNew || ENDED.has(job.state) ? undefined : job.id);
}

function change(job, name, data) {
  const step = (status, more) => {
    job.steps = (job.steps ?? []).map((one, index) => (index === data.index ? { ...one, status, ...more } : one));
  };
  if (Array.isArray(data.steps)) job.steps = data.steps.map((one) => ({ ...one, status: "pending" }));
  if (name === "job.started") Object.assign(job, { attempts: data.attempt, problem: undefined, progress: undefined, startedAt: data.at });
  if (name === "job.queued") Object.assign(job, { progress: undefined, problem: data.reason === "asked" ? undefined : job.problem });
  if (name === "step.started") { step("running"); job.progress = { ...data, done: 0, total: 0, steps: job.steps.length }; }
  if (name === "step.finished") step("finished", { ms: data.ms });
  if (name === "step.skipped") step("skipped");
  if (name === "step.failed") step(data.continued ? "passed" : "failed", { problem: data.problem });
  if (name === "job.warned") job.warnings = [...(job.warnings ?? []), data.message];
  if (name === "job.waiting") job.until = data.until;
  if (data.problem && !data.continued) job.problem = data.problem;
  if (Array.isArray(data.artifacts)) job.artifacts = data.artifacts;
  if (ENDED.has(job.state)) {
    job.progress = undefined;
    if (job.startedAt) job.ranMs = Date.parse(data.at) - Date.parse(job.startedAt);
  }
}

// The page shows what is going on; the history is a list of the API.
function forget() {
  const ended = [...state.jobs.values()].filter((job) => ENDED.has(job.state)).sort((a, b) => (a.id < b.id ? 1 : -1));
  for (const job of ended.slice(MOST_ENDED)) state.jobs.delete(job.id);
}

const NAMES = ["hello", "snapshot", "reset", "ping", "shutdown", "step.progress",
  "job.accepted", "job.queued", "job.started", "job.warned", "job.waiting", "job.delivering", "job.succeeded", "job.failed", "job.cancelled",
  "step.started", "step.finished", "step.skipped", "step.failed", "artifact.written", "worker.crashed",
  "pipeline.loaded", "pipeline.invalid", "pipeline.removed", "pipeline.paused", "pipeline.resumed",
  "watch.online", "watch.offline", "watch.blocked"];

// --- asking --------------------------------------------------------------------------------------------------------

async function ask(url, options) {
  let response;
  try { response = await fetch(url, { ...options, headers: { accept: "application/json", ...options.headers } }); }
  catch { return { ok: false, status: 0, text: "the daemon does not answer" }; }
  const json = await response.json().catch(() => null);
  const text = response.ok ? "" : [json?.detail ?? response.statusText, json?.hint].filter(Boolean).join(": ");
  return { ok: response.ok, status: response.status, json, text };
}

function login() {
  state.source?.close();
  clearTimeout(state.timer);
  state.retryAt = 0;
  connection("login", "A token is needed");
  $("login").hidden = false;
  $("token").focus();
}

$("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  const answer = await ask(`${API}/session`, { method: "POST", body: JSON.stringify({ token: $("token").value }),
    headers: { "content-type": "application/json" } });
  $("login-problem").textContent = answer.text;
  if (!answer.ok) return;
  $("token").value = "";
  $("login").hidden = true;
  state.retry = 0;
  open();
});

function uploadAll(pipeline, files) {
  for (const file of files ?? []) upload(pipeline, file);
}

function upload(pipeline, file) {
  const bar = make("progress", { max: 1, "aria-label": `Upload of ${file.name}` });
  const row = make("li", {}, `Sending ${file.name} to ${pipeline} `, bar);
  $("uploads").append(row);
  const request = new XMLHttpRequest();
  request.open("POST", `${API}/pipelines/${encodeURIComponent(pipeline)}/jobs?name=${encodeURIComponent(file.name)}`);
  request.setRequestHeader("Content-Type", "application/pdf");
  request.upload.onprogress = (event) => { if (event.lengthComputable) bar.value = event.loaded / event.total; };
  request.onload = () => {
    if (request.status === 202) { row.remove(); return; }
    let problem = null;
    try { problem = JSON.parse(request.responseText); } catch { /* no problem document: the status must do */ }
    failedUpload(row, file, [problem?.detail ?? `${request.status} ${request.statusText}`, problem?.hint].filter(Boolean).join(": "));
  };
  request.onerror = () => failedUpload(row, file, "the daemon did not take it");
  request.send(file);
}

function failedUpload(row, file, text) {
  row.replaceChildren(make("span", { class: "problem" }, `${file.name}: ${text} `),
    make("button", { type: "button", onclick: () => row.remove() }, "Dismiss"));
}

$("explain").addEventListener("submit", async (event) => {
  event.preventDefault();
  const answer = await ask(`${API}/files/explain?path=${encodeURIComponent($("path").value)}`, {});
  if (!answer.ok) { $("explanation").replaceChildren(make("p", { class: "problem" }, answer.text)); return; }
  const { path, chain, job } = answer.json;
  $("explanation").replaceChildren(make("p", { class: "mono" }, path),
    make("ol", {}, ...chain.map((link) => make("li", { class: link.ok ? "" : "problem" }, `${link.ok ? "yes" : "no"}: ${link.text}`))),
    job ? make("p", {}, "Its job: ", make("a", { href: `${API}/jobs/${encodeURIComponent(job)}` }, job)) : "");
});

$("filter").addEventListener("change", () => draw());
$("reconnect").addEventListener("click", () => { state.retry = 0; open(); });
addEventListener("online", () => { if (state.connection !== "live") open(); });
addEventListener("pageshow", (event) => { if (event.persisted) open(); });
addEventListener("pagehide", () => state.source?.close());
// A file that misses its pipeline must not replace the page.
for (const name of ["dragover", "drop"]) addEventListener(name, (event) => event.preventDefault());
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  draw();
  if (state.connection !== "live" && state.connection !== "login") open();
});
setInterval(watch, 1000);
open();
