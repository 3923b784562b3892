// The samples that were heard: kept, played, drawn.
import { column, BINS } from "/page/spectrum.js";

const SECONDS_SHOWN = 10;
const MOST_SECONDS = 3600;

export class Sound {
  constructor(wave, spectrogram) {
    this.wave = wave;
    this.spectrogram = spectrogram;
    this.reset(16000);
  }

  reset(rate) {
    this.rate = rate;
    this.hop = Math.round(rate / 100);
    this.samples = new Int16Array(rate * 10);
    this.count = 0;
    this.columns = []; // one of each hundredth of a second
    this.first = 0;
  }

  get seconds() {
    return this.count / this.rate;
  }

  add(more) {
    const room = MOST_SECONDS * this.rate - this.count;
    const taken = more.subarray(0, Math.max(room, 0));
    if (this.count + taken.length > this.samples.length) {
      const larger = new Int16Array(Math.max(2 * this.samples.length, this.count + taken.length));
      larger.set(this.samples.subarray(0, this.count));
      this.samples = larger;
    }
    this.samples.set(taken, this.count);
    this.count += taken.length;
    this.first = Math.max(this.seconds - SECONDS_SHOWN, 0);
  }

  // Only what is seen is transformed: an hour that was dropped costs nothing.
  spectrum(number) {
    this.columns[number] ??= column(this.samples, number * this.hop, this.count, this.rate);
    return this.columns[number];
  }

  async play(start, end) {
    const from = Math.max(Math.floor((start - 0.1) * this.rate), 0);
    const until = Math.min(Math.ceil((end + 0.15) * this.rate), this.count);
    if (until <= from) return;
    this.player ??= new AudioContext();
    await this.player.resume();
    const buffer = this.player.createBuffer(1, until - from, this.rate);
    buffer.copyToChannel(Float32Array.from(this.samples.subarray(from, until), (x) => x / 32768), 0);
    const source = this.player.createBufferSource();
    source.buffer = buffer;
    source.connect(this.player.destination);
    source.start();
  }

  // Where a time is in the pictures, from 0 to 1.
  place(time) {
    return (time - this.first) / SECONDS_SHOWN;
  }

  draw() {
    const width = Math.max(this.wave.clientWidth, 1);
    this.wave.width = width;
    this.spectrogram.width = width;
    this.#drawWave(this.wave.getContext("2d"), width, this.wave.height);
    this.#drawSpectrogram(this.spectrogram.getContext("2d"), width, this.spectrogram.height);
  }

  #drawWave(context, width, height) {
    context.fillStyle = getComputedStyle(document.body).color;
    const step = (SECONDS_SHOWN * this.rate) / width;
    for (let x = 0; x < width; x += 1) {
      const begin = Math.floor(this.first * this.rate + x * step);
      let low = 0;
      let high = 0;
      for (let i = begin; i < Math.min(begin + step, this.count); i += 1) {
        low = Math.min(low, this.samples[i]);
        high = Math.max(high, this.samples[i]);
      }
      const top = ((32768 - high) / 65536) * height;
      context.fillRect(x, top, 1, Math.max(((high - low) / 65536) * height, begin < this.count ? 1 : 0));
    }
  }

  #drawSpectrogram(context, width, height) {
    const count = SECONDS_SHOWN * 100;
    const image = new ImageData(count, BINS);
    const first = Math.floor(this.first * 100);
    for (let x = 0; x < count && (first + x + 1) * this.hop <= this.count; x += 1) {
      const levels = this.spectrum(first + x);
      for (let bin = 0; bin < BINS; bin += 1) {
        const at = 4 * ((BINS - 1 - bin) * count + x);
        const level = levels[bin];
        image.data[at] = level;
        image.data[at + 1] = level * 0.6;
        image.data[at + 2] = 60 + level * 0.4;
        image.data[at + 3] = 255;
      }
    }
    const whole = new OffscreenCanvas(count, BINS);
    whole.getContext("2d").putImageData(image, 0, 0);
    context.drawImage(whole, 0, 0, width, height);
  }
}
