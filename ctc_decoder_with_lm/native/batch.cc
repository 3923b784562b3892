#include "batch.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <numeric>
#include <string>
#include <thread>

#include "error.h"

namespace ctc {

std::vector<std::vector<Hypothesis>> DecodeBatch(std::shared_ptr<const Model> model,
                                                 const SearchOptions& options,
                                                 std::shared_ptr<const HotWords> hot_words,
                                                 const std::vector<Utterance>& utterances, Inputs inputs,
                                                 int threads) {
  const size_t classes = model->symbols().size() + 1;
  std::vector<std::vector<Hypothesis>> results(utterances.size());
  // The longest first, so that no thread is left with a long one at the end.
  std::vector<size_t> order(utterances.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return utterances[a].frames > utterances[b].frames; });
  std::atomic<size_t> next{0};
  std::mutex mutex;
  size_t failed = utterances.size();
  std::exception_ptr failure;
  auto work = [&] {
    size_t index = utterances.size();
    try {
      BeamSearch search(model, options, hot_words);
      for (size_t at; (at = next.fetch_add(1)) < order.size();) {
        index = order[at];
        const Utterance& utterance = utterances[index];
        search.Reset();
        for (int frame = 0; frame < utterance.frames; ++frame) {
          search.Accept(utterance.rows + frame * classes, inputs);
        }
        results[index] = search.Finish();
      }
    } catch (const std::exception& error) {
      std::lock_guard<std::mutex> lock(mutex);
      next = order.size();
      if (!failure || index < failed) {
        failed = index;
        const std::string where = index < utterances.size() && utterances.size() > 1
                                      ? "Utterance " + std::to_string(index) + ": " : "";
        failure = std::make_exception_ptr(Error(where + error.what()));
      }
    }
  };
  const size_t count = std::min<size_t>(std::max(threads, 1), std::max<size_t>(utterances.size(), 1));
  std::vector<std::thread> helpers;
  for (size_t i = 1; i < count; ++i) helpers.emplace_back(work);
  work();
  for (std::thread& helper : helpers) helper.join();
  if (failure) std::rethrow_exception(failure);
  return results;
}

}  // namespace ctc
