// The page: joining, rooms, messages. Text goes in as text, never as HTML.
import { TEXTS } from "./texts.js";
import { Link } from "./link.js";

const ROOMS = ["lobby", "random", "help"];
const ROOM_NAME = /^[0-9a-z가-힣_-]{1,30}$/;
const KEPT = 500;
const GROUP_MS = 5 * 60 * 1000;
const $ = (id) => document.getElementById(id);

let language = chosenLanguage();
let user = stored("chat.user", null);
let names = stored("chat.rooms", ROOMS);
let current = decodeURIComponent(location.hash.slice(1)) || names[0];
let rooms = new Map();
let link = null;
let state = "connecting";
let welcome = null;

function chosenLanguage() {
  const wanted = new URLSearchParams(location.search).get("lang") || localStorage.getItem("chat.language");
  if (wanted in TEXTS) return wanted;
  return navigator.language.startsWith("ko") ? "ko" : "en";
}
function stored(key, otherwise) {
  try { return JSON.parse(localStorage.getItem(key)) ?? otherwise; } catch { return otherwise; }
}
const keep = (key, value) => localStorage.setItem(key, JSON.stringify(value));
const text = (key) => TEXTS[language][key];
const title = (room) => text("roomNames")[room] ?? room;

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (key in element) element[key] = value; else element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

function hue(id) {
  let sum = 0;
  for (const letter of id) sum = (sum * 31 + letter.codePointAt(0)) % 997;
  return sum % 8;
}

function room(name) {
  if (!rooms.has(name)) rooms.set(name, { messages: [], pending: [], last: null, unread: 0 });
  return rooms.get(name);
}

// --- what the server says

function onFrame(frame) {
  const place = frame.room && names.includes(frame.room) ? room(frame.room) : null;
  if (!place) return;
  if (frame.type === "joined" && place.last !== null && frame.after < place.last) {
    Object.assign(place, { messages: [], last: frame.after }); // the history began anew
    if (frame.room === current) showMessages();
  } else if (frame.type === "message" && frame.seq > (place.last ?? 0)) {
    const atEnd = nearEnd();
    const mine = frame.user_id === user.user_id;
    place.last = frame.seq;
    place.messages = [...place.messages, frame].slice(-KEPT);
    if (mine) place.pending = place.pending.filter((one) => one.id !== frame.id);
    if (frame.room !== current || document.hidden) place.unread += mine ? 0 : 1;
    if (frame.room === current) showMessages(atEnd || mine);
    showRooms();
  } else if (frame.type === "error" && frame.id) {
    const failed = place.pending.find((one) => one.id === frame.id);
    if (failed) failed.problem = true;
    if (frame.room === current) showMessages();
  }
}

function onState(next, frame) {
  state = next;
  if (frame) welcome = frame;
  showState();
}

// --- showing

function showState() {
  $("state").hidden = $("leave").hidden = !user;
  $("state").textContent = text(state);
  $("state").className = `state ${state}`;
  $("banner").hidden = state !== "reconnecting";
  $("banner").textContent = text("banner");
  const badge = $("version");
  badge.hidden = !user || !welcome;
  if (welcome) {
    badge.className = `badge ${welcome.version} ${state}`;
    badge.lastElementChild.textContent = welcome.version;
    badge.title = `${text("version")}: ${welcome.version}, ${text("instance")}: ${welcome.instance}`;
  }
}

function showRooms() {
  $("rooms").replaceChildren(...names.map((name) => {
    const place = room(name);
    const open = make("button", { type: "button", onclick: () => enter(name) }, make("span", {}, `# ${title(name)}`));
    if (name === current) open.setAttribute("aria-current", "true");
    if (place.unread) open.append(make("b", { className: "unread" }, String(Math.min(place.unread, 99))));
    const item = make("li", {}, open);
    if (!ROOMS.includes(name)) {
      item.append(make("button", { type: "button", className: "close", title: text("closeRoom"), ariaLabel: `${text("closeRoom")}: ${name}`, onclick: () => closeRoom(name) }, "×"));
    }
    return item;
  }));
  const unread = names.reduce((sum, name) => sum + room(name).unread, 0);
  document.title = `${unread ? `(${unread}) ` : ""}${title(current)} · ${text("brand")}`;
}

function showMessages(toEnd = true) {
  const log = $("messages");
  const top = log.scrollTop;
  const place = room(current);
  const time = new Intl.DateTimeFormat(language, { hour: "numeric", minute: "2-digit" });
  const day = new Intl.DateTimeFormat(language, { dateStyle: "full" });
  const today = day.format(new Date());
  const items = [];
  let before = null;
  for (const one of place.messages) {
    const date = day.format(one.timestamp);
    if (!before || day.format(before.timestamp) !== date) {
      items.push(make("li", { className: "day" }, date === today ? text("today") : date));
      before = null;
    }
    const first = !before || before.user_id !== one.user_id || one.timestamp - before.timestamp > GROUP_MS;
    items.push(bubble(one, first, time.format(one.timestamp)));
    before = one;
  }
  for (const one of place.pending) items.push(bubble(one, before?.user_id !== user.user_id, "", true));
  if (!items.length) items.push(make("li", { className: "empty" }, text("empty")));
  log.replaceChildren(...items);
  log.scrollTop = toEnd ? log.scrollHeight : top;
  $("newer").hidden = toEnd || nearEnd();
}

function bubble(one, first, time, pending = false) {
  const mine = one.user_id === user.user_id;
  const item = make("li", { className: `said${mine ? " mine" : ""}${first ? " first" : ""}${pending ? " pending" : ""}` });
  if (first && !mine) item.append(make("span", { className: `face hue-${hue(one.user_id)}`, ariaHidden: "true" }, [...one.name][0]));
  if (first) item.append(make("p", { className: "who" }, make("b", {}, one.name), ...(mine ? [` (${text("me")})`] : []), make("time", {}, time)));
  item.append(make("p", { className: "text" }, one.text));
  if (one.problem) {
    item.append(make("p", { className: "note bad" }, `${text("failed")} · `, make("button", { type: "button", onclick: () => again(one) }, text("again"))));
  } else if (pending) {
    item.append(make("p", { className: "note" }, text("sending")));
  }
  return item;
}

const nearEnd = () => { const log = $("messages"); return log.scrollHeight - log.scrollTop - log.clientHeight < 80; };

function show() {
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll("[data-text]")) element.textContent = text(element.dataset.text);
  $("language").textContent = text("other");
  $("language").lang = language === "ko" ? "en" : "ko";
  $("room-name").placeholder = text("newRoomHint");
  $("add-room").title = $("add-room").ariaLabel = text("addRoom");
  $("text").placeholder = text("write");
  $("messages").ariaLabel = title(current);
  $("join").hidden = Boolean(user);
  $("chat").hidden = !user;
  $("room-title").textContent = `# ${title(current)}`;
  if (user) {
    $("my-name").textContent = user.name;
    $("my-face").textContent = [...user.name][0];
    $("my-face").className = `face hue-${hue(user.user_id)}`;
    showRooms();
    showMessages();
  } else {
    document.title = text("brand");
  }
  showState();
}

// --- doing

function start() {
  if (!names.includes(current)) { if (ROOM_NAME.test(current)) names.push(current); else current = names[0]; }
  link = new Link({
    token: user.token,
    positions: () => Object.fromEntries(names.map((name) => [name, room(name).last])),
    onState, onFrame,
    onRefused: leave,
  });
  show();
  $("text").focus();
}

function leave() {
  link?.close();
  localStorage.removeItem("chat.user");
  user = link = welcome = null;
  rooms = new Map();
  show();
}

function enter(name) {
  current = name;
  history.replaceState(null, "", `#${encodeURIComponent(name)}`);
  room(name).unread = 0;
  show();
  $("text").focus();
}

function closeRoom(name) {
  names = names.filter((one) => one !== name);
  keep("chat.rooms", names);
  rooms.delete(name);
  link.say({ type: "leave", room: name });
  if (current === name) enter(names[0]); else showRooms();
}

function again(one) {
  one.problem = false;
  link.send(one.room, one.id, one.text);
  showMessages();
}

$("join-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const name = $("name").value.trim();
  $("name-problem").textContent = name ? "" : text("nameProblem");
  if (!name) return;
  try {
    const answer = await fetch("api/join", {
      method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ name }),
    });
    if (!answer.ok) throw new Error(answer.statusText);
    user = await answer.json();
  } catch {
    $("name-problem").textContent = text("joinFailed");
    return;
  }
  keep("chat.user", user);
  start();
});

$("send-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const said = $("text").value.trim();
  if (!said) return;
  const id = crypto.getRandomValues(new Uint32Array(4)).join("-");
  room(current).pending.push({ id, room: current, text: said, user_id: user.user_id, name: user.name });
  link.send(current, id, said);
  $("text").value = "";
  grow();
  showMessages();
});

$("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    $("send-form").requestSubmit();
  }
});
const grow = () => { $("text").style.height = "auto"; $("text").style.height = `${$("text").scrollHeight + 2}px`; };
$("text").addEventListener("input", grow);

$("room-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const name = $("room-name").value.trim().toLowerCase().replaceAll(" ", "-");
  const good = ROOM_NAME.test(name);
  $("room-problem").textContent = good || !name ? "" : text("roomProblem");
  if (!good) return;
  if (!names.includes(name)) {
    names = [...names, name];
    keep("chat.rooms", names);
    link.say({ type: "join", room: name, after: null });
  }
  $("room-name").value = "";
  enter(name);
});

$("language").addEventListener("click", () => {
  language = language === "ko" ? "en" : "ko";
  localStorage.setItem("chat.language", language);
  show();
});
$("leave").addEventListener("click", leave);
$("newer").addEventListener("click", () => showMessages());
$("messages").addEventListener("scroll", () => { if (nearEnd()) $("newer").hidden = true; });
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && user) { room(current).unread = 0; showRooms(); link.hurry(); }
});

if (user) start(); else show();
