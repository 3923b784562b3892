// The microphone as blocks of samples at the rate of its context.

export class Microphone {
  // Whether this page may have one; otherwise why not.
  static problem() {
    if (!window.isSecureContext) {
      return "Browsers give a microphone to pages of https or of this machine only. Files can be dropped all the same.";
    }
    return navigator.mediaDevices?.getUserMedia ? "" : "This browser has no microphone. Files can be dropped.";
  }

  async open(heard) {
    // What browsers do to calls (echo, noise, level) makes speech worse for a recogniser.
    const audio = { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    this.media = await navigator.mediaDevices.getUserMedia({ audio });
    this.context = new AudioContext({ sampleRate: 16000 });
    let source;
    try {
      source = this.context.createMediaStreamSource(this.media);
    } catch { // Firefox does not convert: the server does
      await this.context.close();
      this.context = new AudioContext();
      source = this.context.createMediaStreamSource(this.media);
    }
    await this.context.resume();
    await this.context.audioWorklet.addModule("/page/capture.js");
    const node = new AudioWorkletNode(this.context, "capture", { numberOfOutputs: 0 });
    node.port.onmessage = ({ data }) => heard(data);
    this.node = node;
    this.source = source;
    return this.context.sampleRate;
  }

  start() {
    this.source.connect(this.node);
  }

  async close() {
    this.media?.getTracks().forEach((track) => track.stop());
    if (this.node) this.node.port.onmessage = null;
    if (this.context?.state !== "closed") await this.context?.close();
  }
}
