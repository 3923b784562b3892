// What the form asks for, as options of a request; what is empty is left to the model.

const at = (id) => document.getElementById(id);

export function settings() {
  const found = {};
  if (at("model").value) found.model = at("model").value;
  const words = hotWords(at("hot_words").value);
  if (Object.keys(words).length) found.hot_words = words;
  for (const name of ["alpha", "beta", "beam_width"]) {
    if (at(name).value !== "") found[name] = Number(at(name).value);
  }
  if (Number(at("nbest_count").value) > 1) found.nbest = Number(at("nbest_count").value);
  return found;
}

export function key() {
  return at("key").value.trim();
}

function hotWords(text) {
  const words = {};
  for (const line of text.split("\n")) {
    const [, phrase, weight] = /^\s*(.*?)\s*(?::\s*(-?[\d.]+))?\s*$/.exec(line);
    if (phrase) words[phrase] = weight === undefined ? 5 : Number(weight);
  }
  return words;
}

export async function listModels() {
  const headers = key() ? { Authorization: `Bearer ${key()}` } : {};
  const answer = await fetch("/v1/models", { headers });
  if (!answer.ok) return;
  const { data } = await answer.json();
  at("model").replaceChildren(...data.map(({ id }) => new Option(id, id)));
}
