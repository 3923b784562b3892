// Runs in the audio thread: gathers blocks of 128 samples to tenths of a second.
class Capture extends AudioWorkletProcessor {
  constructor() {
    super();
    this.held = new Float32Array(Math.round(sampleRate / 10));
    this.count = 0;
  }

  process([input]) {
    const block = input[0];
    for (let i = 0; block && i < block.length; i += 1) {
      this.held[this.count] = block[i];
      this.count += 1;
      if (this.count === this.held.length) {
        this.port.postMessage(this.held.slice()); // the array is used again
        this.count = 0;
      }
    }
    return true;
  }
}

registerProcessor("capture", Capture);
