// The text as files. Each utterance: {text, words: [{word, start, end, confidence}], nbest}.

export const FORMATS = {
  txt: (all) => all.map((one) => `${one.text}\n`).join(""),
  json: (all) => `${JSON.stringify({ text: all.map((one) => one.text).join(" "), utterances: all }, null, 1)}\n`,
  srt: (all) => cues(all).map((cue, n) => `${n + 1}\n${span(cue, ",")}\n${cue.text}\n\n`).join(""),
  vtt: (all) => `WEBVTT\n\n${cues(all).map((cue) => `${span(cue, ".")}\n${escaped(cue.text)}\n\n`).join("")}`,
  ctm: (all) => all.flatMap((one) => one.words).map(ctmLine).join(""),
};

const LONGEST = 7; // seconds of a cue, and characters
const WIDEST = 84;
const PAUSE = 0.8;

function cues(all) {
  const found = [];
  let last = null;
  for (const { word, start, end } of all.flatMap((one) => one.words)) {
    const fits = last && start - last.end <= PAUSE && end - last.start <= LONGEST
      && last.text.length + 1 + word.length <= WIDEST;
    if (fits) {
      last.text += ` ${word}`;
      last.end = end;
    } else {
      last = { start, end, text: word };
      found.push(last);
    }
  }
  return found;
}

function ctmLine({ word, start, end, confidence }) {
  return `recording 1 ${start.toFixed(3)} ${(end - start).toFixed(3)} ${word} ${confidence.toFixed(4)}\n`;
}

function escaped(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function span(cue, mark) {
  return `${clock(cue.start, mark)} --> ${clock(Math.max(cue.end, cue.start + 0.001), mark)}`;
}

function clock(seconds, mark) {
  const whole = Math.round(seconds * 1000);
  const two = (n) => String(n).padStart(2, "0");
  const [h, m, s] = [Math.floor(whole / 3600000), Math.floor(whole / 60000) % 60, Math.floor(whole / 1000) % 60];
  return `${two(h)}:${two(m)}:${two(s)}${mark}${String(whole % 1000).padStart(3, "0")}`;
}

export function download(name, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/plain;charset=utf-8" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
