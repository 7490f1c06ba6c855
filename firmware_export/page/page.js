// The exported C, compiled to WebAssembly, between the browser's sound and this page.

const RATE = 16000;

const HOP = 320;

class Spotter {
    static async load() {
        const bytes = Uint8Array.from(atob(WASM), c => c.charCodeAt(0));
        const { instance } = await WebAssembly.instantiate(bytes, {});
        return new Spotter(instance.exports);
    }

    constructor(c) {
        this.c = c;
        const memory = c.memory.buffer;
        this.samples = new Int16Array(memory, c.page_samples(), HOP);
        this.features = new Uint8Array(memory, c.page_features(), MODEL.features);
        this.outputs = new Int32Array(memory, c.page_outputs(), MODEL.labels.length);
        this.start();
    }

    start() {
        this.c.page_start();
    }

    // Int16Array at 16 kHz, of any length. `told` hears every inference, as {ms, word, shares}.
    push(samples, told) {
        for (let at = 0; at < samples.length; at += HOP) {
            const part = samples.subarray(at, at + HOP);
            this.samples.set(part);
            for (let taken = 0; taken < part.length; taken = this.c.page_taken()) {
                const before = this.c.page_frames();
                const word = this.c.page_feed(taken, part.length);
                const frames = this.c.page_frames();
                if (frames !== before && frames % MODEL.every === 0) {
                    told({ ms: 20 * frames, word: word, shares: this.shares() });
                }
            }
        }
    }

    // The second of a recording that a word leads by most, as `akrt run` looks for it.
    best(samples) {
        let found = this.classify(samples);
        for (let at = 4 * HOP; at < samples.length - RATE + 4 * HOP; at += 4 * HOP) {
            const next = this.classify(samples.subarray(at));
            found = next.lead > found.lead ? next : found;
        }
        return found;
    }

    // One clip of a second: cut, or padded with zeros at its end.
    classify(samples) {
        const clip = new Int16Array(RATE);
        clip.set(samples.subarray(0, RATE));
        this.start();
        this.push(clip, () => {});
        this.c.page_run();
        const shares = this.shares();
        const [first, second] = this.logits().sort((a, b) => b - a);
        return { features: Array.from(this.features), outputs: Array.from(this.outputs),
                 shares: shares, word: shares.indexOf(Math.max(...shares)), lead: first - second };
    }

    logits() {
        return Array.from(this.outputs, (y, i) => (y - MODEL.threshold[i]) / MODEL.step[i]);
    }

    // Softmax of the logits: for the eye alone, decisions are made on integers.
    shares() {
        const logits = this.logits();
        const most = Math.max(...logits);
        const powers = logits.map(z => Math.exp(z - most));
        const sum = powers.reduce((a, b) => a + b);
        return powers.map(p => p / sum);
    }
}

// Float samples of the browser to the 16-bit integers that `akrt` reads from a file.
function toInt16(floats) {
    return Int16Array.from(floats, x => Math.max(-32768, Math.min(32767, Math.round(x * 32768))));
}

// A WAV file that promises more samples than it holds: browsers read it without a word. Lengths
// beyond 2 GB are those of programs that write to a pipe and cannot know better.
function isTruncated(bytes) {
    const view = new DataView(bytes);
    const name = at => String.fromCharCode(...new Uint8Array(bytes, at, 4));
    if (bytes.byteLength < 12 || name(0) !== "RIFF" || name(8) !== "WAVE") {
        return false;
    }
    for (let at = 12; at + 8 <= bytes.byteLength;) {
        const length = view.getUint32(at + 4, true);
        if (name(at) === "data") {
            return length < 0x7f000000 && at + 8 + length > bytes.byteLength;
        }
        at += 8 + length + length % 2;
    }
    return true;
}

// Seconds of sound that a FLAC file promises; browsers play what is there without a word.
function promisedSeconds(bytes) {
    const b = new Uint8Array(bytes);
    if (b.length < 26 || String.fromCharCode(...b.subarray(0, 4)) !== "fLaC") {
        return 0;
    }
    const rate = b[18] << 12 | b[19] << 4 | b[20] >> 4;
    const total = (b[21] & 15) * 2 ** 32 + new DataView(bytes).getUint32(22);
    return rate ? total / rate : 0;
}

// An Ogg file (Vorbis, Opus, FLAC) whose last page is cut, or not marked as the last.
function isCutOgg(bytes) {
    const b = new Uint8Array(bytes);
    const pageAt = at => b[at] === 79 && b[at + 1] === 103 && b[at + 2] === 103 && b[at + 3] === 83;
    if (b.length < 28 || !pageAt(0)) {
        return false;
    }
    let last = b.length - 4;
    while (last > 0 && !pageAt(last)) {
        last--;
    }
    const segments = b.subarray(last + 27, last + 27 + b[last + 26]);
    const end = last + 27 + b[last + 26] + segments.reduce((sum, n) => sum + n, 0);
    return last + 27 > b.length || end > b.length || (b[last + 5] & 4) === 0;
}

// A steady tone: each sample follows from the two before it, as no voice's does.
function isTone(samples) {
    let across = 0, energy = 0, rest = 0;
    for (let i = 2; i < samples.length; i++) {
        across += (samples[i] + samples[i - 2]) * samples[i - 1];
        energy += samples[i - 1] ** 2;
    }
    for (let i = 2; i < samples.length; i++) {
        rest += (samples[i] + samples[i - 2] - across / energy * samples[i - 1]) ** 2;
    }
    return energy > 0 && rest < 1e-5 * energy;
}

// Int16Array at 16 kHz, mono, of a sound file's bytes; throws an Error that says what is wrong.
async function decode(bytes) {
    if (bytes.byteLength === 0) {
        throw new Error("the file is empty");
    }
    const truncated = new Error("the file is truncated: copy it again");
    if (isTruncated(bytes) || isCutOgg(bytes)) {
        throw truncated;
    }
    const promised = promisedSeconds(bytes); // decoding takes the bytes away
    const context = new OfflineAudioContext(1, 1, RATE);
    let sound;
    try {
        sound = await context.decodeAudioData(bytes);
    } catch {
        throw new Error("this is no sound file that the browser can read, or it is damaged");
    }
    if (sound.duration < promised - 0.05) {
        throw truncated;
    }
    const mixed = new Float32Array(sound.length);
    for (let c = 0; c < sound.numberOfChannels; c++) {
        sound.getChannelData(c).forEach((x, i) => { mixed[i] += x / sound.numberOfChannels; });
    }
    return toInt16(mixed);
}

const $ = id => document.getElementById(id);

function say(text, error = false) {
    $("message").textContent = text;
    $("message").classList.toggle("error", error);
}

function show(shares) {
    const best = shares.map((share, i) => [share, MODEL.labels[i]])
        .sort((a, b) => b[0] - a[0]).slice(0, 5);
    $("scores").replaceChildren(...best.map(([share, label]) => {
        const row = document.createElement("tr");
        const bar = document.createElement("div");
        bar.className = "bar";
        bar.style.width = `${100 * share}%`;
        row.insertCell().textContent = label;
        row.insertCell().append(bar);
        row.insertCell().textContent = `${(100 * share).toFixed(1)} %`;
        return row;
    }));
}

function heard(event) {
    const item = document.createElement("li");
    item.textContent = `${(event.ms / 1000).toFixed(2)} s  ${MODEL.labels[event.word]}`;
    $("heard").append(item);
    $("word").textContent = MODEL.labels[event.word];
}

function clear() {
    say("");
    $("word").textContent = "";
    $("scores").replaceChildren();
    $("heard").replaceChildren();
}

async function openFile(file) {
    const spotter = await ready;
    microphone.stop();
    clear();
    let samples;
    try {
        samples = await decode(await file.arrayBuffer());
    } catch (error) {
        say(`${file.name}: ${error.message}`, true);
        return null;
    }
    const seconds = (samples.length / RATE).toFixed(2);
    if (samples.length <= 1.5 * RATE) {
        const result = spotter.best(samples);
        // A short recording is named by the rule of a stream: a clear lead over the next best class.
        const quiet = samples.every(x => Math.abs(x) < 33) ? "it is all but silent" : "";
        const tone = isTone(samples) ? "it is a steady tone" : "";
        const unsure = result.lead < MODEL.lead ? "no word leads clearly" : "";
        const why = quiet || tone || unsure;
        $("word").textContent = why ? "" : MODEL.labels[result.word];
        show(result.shares);
        say(`${file.name}: ${seconds} s, ${why ? `no word heard: ${why}` : "taken as one word"}.`);
        return result;
    }
    const events = [];
    const told = event => {
        if (event.word >= 0) {
            heard(event);
            events.push({ ms: event.ms, label: MODEL.labels[event.word] });
        }
    };
    spotter.start();
    spotter.push(samples, told);
    spotter.push(new Int16Array(RATE / 2), told); // half a second of silence for a last word
    say(`${file.name}: ${seconds} s, ${events.length} ${events.length === 1 ? "word" : "words"}`);
    return { events };
}

// Runs in the audio thread; a data URL, because a page opened from a file may load no other.
const TAP = `registerProcessor("tap", class extends AudioWorkletProcessor {
    process([input]) {
        if (input[0]) {
            this.port.postMessage(input[0]);
        }
        return true;
    }
});`;

const microphone = {
    stream: null,
    context: null,

    async start() {
        const spotter = await ready;
        clear();
        if (!navigator.mediaDevices) {
            say("The browser gives a page its microphone only over https or from localhost.", true);
            return;
        }
        try {
            this.stream = await navigator.mediaDevices.getUserMedia({ audio: {
                channelCount: 1, echoCancellation: false, noiseSuppression: false,
                autoGainControl: false } });
            this.context = new AudioContext({ sampleRate: RATE });
            await this.context.audioWorklet.addModule(
                "data:text/javascript," + encodeURIComponent(TAP));
            const tap = new AudioWorkletNode(this.context, "tap", { numberOfOutputs: 0 });
            tap.port.onmessage = message => spotter.push(toInt16(message.data), event => {
                show(event.shares);
                if (event.word >= 0) {
                    heard(event);
                }
            });
            spotter.start();
            this.context.createMediaStreamSource(this.stream).connect(tap);
        } catch (error) {
            const why = { NotFoundError: "none was found: plug one in and try again",
                          NotAllowedError: "the page may not use it: allow it in the address bar",
                          NotReadableError: "another program holds it" }[error.name];
            this.stop();
            say(`Microphone: ${why || error.message}`, true);
            return;
        }
        this.stream.getTracks()[0].onended = () => {
            this.stop();
            say("The microphone was unplugged.", true);
        };
        $("listen").textContent = "Stop";
        say("Listening.");
    },

    stop() {
        this.stream?.getTracks().forEach(track => track.stop());
        this.context?.close();
        this.stream = this.context = null;
        $("listen").textContent = "Listen";
    },
};

const ready = Spotter.load();
ready.catch(error => say(`This browser cannot run the page: ${error.message}`, true));
$("file").addEventListener("change", () => {
    if ($("file").files.length) {
        openFile($("file").files[0]);
    }
    $("file").value = "";
});
$("listen").addEventListener("click", () => {
    if (microphone.context) {
        microphone.stop();
        say("");
    } else {
        microphone.start();
    }
});
document.addEventListener("dragover", event => {
    event.preventDefault();
    $("drop").classList.add("over");
});
document.addEventListener("dragleave", () => $("drop").classList.remove("over"));
document.addEventListener("drop", event => {
    event.preventDefault();
    $("drop").classList.remove("over");
    if (event.dataTransfer.files.length) {
        openFile(event.dataTransfer.files[0]);
    }
});
