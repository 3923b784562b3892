// Magnitudes of a window of samples, in decibels, as levels from 0 to 255.

const SIZE = 256;
export const BINS = SIZE / 2;
const HANN = Float32Array.from({ length: SIZE }, (_, n) => 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / SIZE));
const FLOOR = -80; // dB below full scale

export function column(samples, first, count) {
  const real = new Float32Array(SIZE);
  const imaginary = new Float32Array(SIZE);
  for (let n = 0; n < SIZE; n += 1) {
    const value = first + n < count ? samples[first + n] / 32768 : 0;
    real[reversed(n)] = value * HANN[n];
  }
  transform(real, imaginary);
  return Uint8Array.from({ length: BINS }, (_, bin) => {
    const power = (real[bin] ** 2 + imaginary[bin] ** 2) / (SIZE / 4) ** 2;
    const level = 10 * Math.log10(power + 1e-12);
    return Math.max(0, Math.min(255, (255 * (level - FLOOR)) / -FLOOR));
  });
}

function reversed(n) {
  let found = 0;
  for (let bit = 1; bit < SIZE; bit *= 2) found = found * 2 + (n & bit ? 1 : 0);
  return found;
}

// Radix 2, decimation in time; the input is in bit-reversed order.
function transform(real, imaginary) {
  for (let size = 2; size <= SIZE; size *= 2) {
    const angle = (-2 * Math.PI) / size;
    for (let start = 0; start < SIZE; start += size) {
      for (let k = 0; k < size / 2; k += 1) {
        const [a, b] = [start + k, start + k + size / 2];
        const [cos, sin] = [Math.cos(angle * k), Math.sin(angle * k)];
        const re = real[b] * cos - imaginary[b] * sin;
        const im = real[b] * sin + imaginary[b] * cos;
        [real[b], imaginary[b]] = [real[a] - re, imaginary[a] - im];
        [real[a], imaginary[a]] = [real[a] + re, imaginary[a] + im];
      }
    }
  }
}
