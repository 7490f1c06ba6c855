"use strict";
const RATE = 16000, HOP = 320, LOGIT = 256, LATE_SECONDS = 0.5;
const element = (id) => document.getElementById(id);

/* The keyword spotter: 16-bit samples in, words out. */
class Listener {
  constructor(exports) {
    this.c = exports;
    const memory = exports.memory.buffer, classes = exports.listener_classes();
    this.hop = new Int16Array(memory, exports.listener_samples(), HOP);
    this.potentials = new Int32Array(memory, exports.listener_potentials(), classes);
    this.sums = new Int32Array(memory, exports.listener_sums(), classes);
    const bytes = new Uint8Array(memory), decoder = new TextDecoder();
    this.labels = Array.from({ length: classes }, (_, i) => {
      const start = exports.listener_label(i);
      return decoder.decode(bytes.subarray(start, bytes.indexOf(0, start)));
    });
    this.start();
  }

  start() {
    this.c.listener_start();
    this.filled = 0;
    this.hash = 0x811c9dc5; // FNV-1a over the potentials of every inference
  }

  get seconds() { return (this.c.listener_frames() * HOP + this.filled) / RATE; }

  /* Words that these samples, Int16Array, complete. */
  push(samples) {
    const words = [];
    for (let at = 0; at < samples.length;) {
      const count = Math.min(HOP - this.filled, samples.length - at);
      this.hop.set(samples.subarray(at, at + count));
      const word = this.c.listener_feed(count);
      at += count;
      this.filled = (this.filled + count) % HOP;
      if (this.filled === 0 && this.c.listener_frames() % this.c.listener_every() === 0) {
        for (const byte of new Uint8Array(this.potentials.slice().buffer)) {
          this.hash = Math.imul(this.hash ^ byte, 0x01000193) >>> 0;
        }
      }
      if (word >= 0) {
        const score = this.c.listener_score();
        words.push({ sample: this.c.listener_frames() * HOP, word: this.labels[word], score });
      }
    }
    return words;
  }

  /* The best classes and their average margins in logits. */
  leaders(count) {
    const inferences = Math.max(1, this.c.listener_count());
    return Array.from(this.sums, (sum, i) => [this.labels[i], sum / inferences / LOGIT])
      .sort((a, b) => b[1] - a[1])
      .slice(0, count);
  }
}

function toPcm(floats) {
  return Int16Array.from(floats, (v) => Math.max(-32768, Math.min(32767, Math.round(v * 32768))));
}

/* A WAV file whose data chunk promises more than is there; browsers would say nothing. Lengths
 * that programs write to a pipe, because they cannot know better, are let through. */
function isTruncated(buffer) {
  const view = new DataView(buffer);
  const name = (at) => String.fromCharCode(...new Uint8Array(buffer, at, 4));
  if (buffer.byteLength < 12 || name(0) !== "RIFF" || name(8) !== "WAVE") return false;
  for (let at = 12; at + 8 <= buffer.byteLength;) {
    const length = view.getUint32(at + 4, true);
    if (name(at) === "data") return length < 0x7f000000 && at + 8 + length > buffer.byteLength;
    at += 8 + length + (length % 2);
  }
  return true;
}

/* Samples of a sound file: one channel, at 16 kHz, as the browser decodes and converts them. */
async function samplesOf(file) {
  const buffer = await file.arrayBuffer();
  if (buffer.byteLength === 0) throw new Error(`${file.name} is empty`);
  if (isTruncated(buffer)) throw new Error(`${file.name} is truncated: copy it again`);
  let sound;
  try {
    sound = await new OfflineAudioContext(1, 1, RATE).decodeAudioData(buffer);
  } catch {
    throw new Error(`${file.name} is not a sound file that this browser can read`);
  }
  const mixed = new Float32Array(sound.length);
  for (let c = 0; c < sound.numberOfChannels; c++) {
    sound.getChannelData(c).forEach((v, i) => { mixed[i] += v / sound.numberOfChannels; });
  }
  return toPcm(mixed);
}

function show(words) {
  for (const { sample, word, score } of words) {
    const row = element("words").insertRow();
    row.insertCell().textContent = `${(sample / RATE).toFixed(2)} s`;
    row.insertCell().textContent = word;
    row.insertCell().textContent = (score / LOGIT).toFixed(2);
  }
}

function showScores(listener) {
  element("scores").replaceChildren(...listener.leaders(5).map(([word, score]) => {
    const row = document.createElement("div"), bar = document.createElement("span");
    bar.style.width = `${Math.max(0, Math.min(score / 4, 1)) * 100}%`;
    row.append(word, bar);
    return row;
  }));
}

function fail(error) {
  element("status").textContent = "";
  element("error").textContent = error.message;
}

function begin(listener, text) {
  listener.start();
  element("error").textContent = "";
  element("words").replaceChildren();
  element("status").textContent = text;
}

async function listenToFile(listener, file) {
  begin(listener, `listening to ${file.name}`);
  try {
    const samples = await samplesOf(file);
    const started = performance.now();
    const words = listener.push(samples);
    const seconds = samples.length / RATE, took = (performance.now() - started) / 1000;
    const hash = listener.hash;
    words.push(...listener.push(new Int16Array(LATE_SECONDS * RATE)));
    show(words);
    showScores(listener);
    element("status").textContent =
      `${words.length} words in ${seconds.toFixed(1)} s of ${file.name}, in ${took.toFixed(2)} s`;
    return { words, hash };
  } catch (error) {
    fail(error);
    return { error: error.message };
  }
}

const MESSAGES = {
  NotFoundError: "there is no microphone: plug one in, or drop a file",
  NotAllowedError: "this page may not use the microphone: allow it in the browser's settings",
  NotReadableError: "the microphone is in use, or was unplugged",
};

/* Blocks of samples from the audio thread. */
const TAP = `registerProcessor("tap", class extends AudioWorkletProcessor {
  process([input]) {
    if (input.length) this.port.postMessage(input[0].slice());
    return true;
  }
});`;

let microphone = null;

function stopMicrophone() {
  if (microphone === null) return;
  microphone.stream.getTracks().forEach((track) => track.stop());
  microphone.context.close();
  microphone = null;
  element("microphone").textContent = "listen to the microphone";
}

async function listenToMicrophone(listener) {
  if (microphone !== null) {
    stopMicrophone();
    element("status").textContent = `stopped after ${listener.seconds.toFixed(1)} s`;
    return;
  }
  try {
    if (!navigator.mediaDevices) throw new Error("a microphone needs https, or a local page");
    const stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1 } });
    const context = new AudioContext({ sampleRate: RATE });
    microphone = { stream, context };
    await context.audioWorklet.addModule(
      URL.createObjectURL(new Blob([TAP], { type: "text/javascript" })));
    const tap = new AudioWorkletNode(context, "tap");
    begin(listener, "listening");
    element("microphone").textContent = "stop";
    tap.port.onmessage = ({ data }) => {
      show(listener.push(toPcm(data)));
      showScores(listener);
      element("status").textContent = `listening for ${listener.seconds.toFixed(1)} s`;
    };
    stream.getTracks()[0].addEventListener("ended", () => {
      stopMicrophone();
      fail(new Error("the microphone was unplugged"));
    });
    context.createMediaStreamSource(stream).connect(tap);
  } catch (error) {
    stopMicrophone();
    fail(new Error(MESSAGES[error.name] ?? error.message));
  }
}

async function start() {
  const code = Uint8Array.from(atob(WASM), (c) => c.charCodeAt(0));
  const { instance } = await WebAssembly.instantiate(code, {});
  const listener = new Listener(instance.exports);
  const drop = element("drop");
  const hear = (file) => { stopMicrophone(); return listenToFile(listener, file); };
  element("known").textContent = listener.labels.filter((l) => !l.startsWith("_")).join(", ");
  element("file").onchange = ({ target }) => target.files.length && hear(target.files[0]);
  element("microphone").onclick = () => listenToMicrophone(listener);
  drop.ondragover = (event) => { event.preventDefault(); drop.classList.add("over"); };
  drop.ondragleave = () => drop.classList.remove("over");
  drop.ondrop = (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    if (event.dataTransfer.files.length) window.heard = hear(event.dataTransfer.files[0]);
  };
  element("status").textContent = "ready";
}

start().catch(fail);
