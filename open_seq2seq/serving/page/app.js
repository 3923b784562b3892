// The page: what is heard goes to the server, what it says is shown.
import { FORMATS, download } from "/page/downloads.js";
import { Live, toInt16 } from "/page/live.js";
import { Microphone } from "/page/microphone.js";
import { key, listModels, settings } from "/page/settings.js";
import { Sound } from "/page/sound.js";

const at = (id) => document.getElementById(id);
const sound = new Sound(at("wave"), at("spectrogram"));
let utterances = [];
let microphone = null;
let live = null;
let busy = false;

// --- what is shown

function say(text) {
  at("status").textContent = text;
}

function fail(text) {
  at("error").textContent = text;
}

function wordButton(one) {
  const button = document.createElement("button");
  const sure = one.confidence ?? 1;
  const doubt = sure >= 0.95 ? 0 : sure >= 0.8 ? 1 : sure >= 0.5 ? 2 : 3;
  button.type = "button";
  button.className = doubt ? `word doubt-${doubt}` : "word";
  button.textContent = one.word;
  button.title = `${one.start.toFixed(2)} s to ${one.end.toFixed(2)} s, confidence ${Math.round(100 * sure)} %`;
  button.onclick = () => sound.play(one.start, one.end);
  return button;
}

function showFinal(one) {
  at("stable").textContent = "";
  at("unstable").textContent = "";
  if (!one.text) return;
  utterances.push({ text: one.text, words: one.words, nbest: one.nbest ?? [] });
  const line = document.createElement("p");
  one.words.forEach((word) => line.append(wordButton(word), " "));
  at("finals").append(line);
  at("nbest").replaceChildren(...(one.nbest ?? []).map(({ text, score }) => {
    const item = document.createElement("li");
    item.textContent = score === null ? text : `${text} (${score.toFixed(2)})`;
    return item;
  }));
  draw();
}

function showPartial(one) {
  at("stable").textContent = one.stable;
  at("unstable").textContent = one.unstable;
  showFigures(one);
}

function showFigures({ latency, real_time_factor: factor }) {
  at("figures").textContent = `latency ${Math.round(1000 * latency)} ms, real-time factor ${factor.toFixed(3)}`;
}

function draw() {
  sound.draw();
  const words = utterances.flatMap((one) => one.words);
  const seen = words.filter((one) => sound.place(one.end) > 0 && sound.place(one.start) < 1);
  at("under").replaceChildren(...seen.map((one) => {
    const button = wordButton(one);
    button.style.left = `${100 * sound.place(one.start)}%`;
    return button;
  }));
  at("position").max = Math.max(sound.seconds - 1, 0).toFixed(1);
  at("position").value = sound.first;
}

function clear(rate) {
  utterances = [];
  sound.reset(rate);
  for (const id of ["finals", "nbest", "stable", "unstable", "figures", "error"]) at(id).replaceChildren();
  draw();
}

// --- the microphone

async function speak() {
  const problem = Microphone.problem();
  if (problem) return fail(problem);
  busy = true;
  microphone = new Microphone();
  try {
    const rate = await microphone.open(heard);
    clear(rate);
    live = new Live({ ...settings(), sample_rate: rate }, key(), {
      ready: ({ latency }) => {
        microphone?.start();
        say(`Listening; text comes ${latency.toFixed(1)} s behind its sound, at most.`);
      },
      partial: showPartial,
      final: (one) => { showFigures(one); showFinal(one); },
      end: () => stopped("Ready."),
      error: (text) => { fail(text); stopped("Stopped."); },
    });
    at("speak").setAttribute("aria-pressed", "true");
    at("speak").textContent = "Stop";
    say("Connecting.");
  } catch (error) {
    fail(error.name === "NotAllowedError" ? "The browser was told not to give the microphone." : `No microphone: ${error.message}`);
    stopped("Ready.");
  }
}

function heard(samples) {
  if (!live || live.ended) return;
  sound.add(live.send(samples));
  const behind = live.waiting(sound.rate);
  if (behind > 2) say(`The connection is ${behind.toFixed(0)} s behind.`);
}

async function finish() {
  say("Waiting for the last words.");
  await microphone?.close();
  live?.finish();
}

async function stopped(text) {
  busy = false;
  at("speak").setAttribute("aria-pressed", "false");
  at("speak").textContent = "Speak";
  await microphone?.close();
  microphone = null;
  live = null;
  say(text);
  draw();
}

// --- files

async function upload(file) {
  say(`Recognising ${file.name}.`);
  const samples = file.arrayBuffer().then((data) => new OfflineAudioContext(1, 1, 16000).decodeAudioData(data));
  const shown = samples.then((buffer) => {
    clear(16000);
    sound.add(toInt16(buffer.getChannelData(0)));
    sound.first = 0;
    draw();
  }, () => clear(16000)); // the server may know the format
  const form = new FormData();
  form.append("file", file);
  form.append("response_format", "verbose_json");
  form.append("timestamp_granularities[]", "word");
  for (const [name, value] of Object.entries(settings())) {
    form.append(name, typeof value === "object" ? JSON.stringify(value) : value);
  }
  const headers = key() ? { Authorization: `Bearer ${key()}` } : {};
  const begun = performance.now();
  const answer = await fetch("/v1/audio/transcriptions", { method: "POST", body: form, headers });
  const seconds = (performance.now() - begun) / 1000;
  const body = await answer.json();
  await shown;
  if (!answer.ok) throw new Error(body.error.message);
  showFinal(body);
  showFigures({ latency: seconds, real_time_factor: seconds / Math.max(body.duration, 0.01) });
  say(`${file.name}: ${body.duration.toFixed(1)} s recognised.`);
}

async function uploadAll(files) {
  if (busy) return;
  busy = true;
  for (const file of files) {
    try {
      await upload(file);
    } catch (error) {
      fail(`${file.name}: ${error.message}`);
      say("Ready.");
    }
  }
  busy = false;
}

// --- what the user does

at("speak").onclick = () => (live ? finish() : busy || speak());
at("files").onchange = ({ target }) => uploadAll([...target.files]).then(() => { target.value = ""; });
at("clear").onclick = () => busy || clear(sound.rate);
at("position").oninput = ({ target }) => { sound.first = Number(target.value); draw(); };
at("key").onchange = () => listModels();
at("settings").onsubmit = (event) => event.preventDefault();
for (const button of document.querySelectorAll("[data-format]")) {
  button.onclick = () => download(`text.${button.dataset.format}`, FORMATS[button.dataset.format](utterances));
}
for (const [name, over] of [["dragover", true], ["dragleave", false], ["drop", false]]) {
  addEventListener(name, (event) => { event.preventDefault(); at("drop").classList.toggle("over", over); });
}
addEventListener("drop", ({ dataTransfer }) => uploadAll([...dataTransfer.files]));
addEventListener("resize", draw);
setInterval(() => { if (live) draw(); }, 200);
listModels();
draw();
