// The TensorFlow door: the operation CTCBeamSearchDecoderWithLM, with the inputs, attributes and
// outputs of OpenSeq2Seq's. ctc_decoder_with_lm/tensorflow_op.py makes it comfortable.

#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "alphabet.h"
#include "batch.h"
#include "error.h"
#include "language_model.h"
#include "model.h"
#include "presets.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/op_kernel.h"
#include "tensorflow/core/framework/shape_inference.h"

namespace ctc {
namespace {

using tensorflow::OpKernel;
using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;
using tensorflow::OpOutputList;
using tensorflow::Tensor;
using tensorflow::TensorShape;
using tensorflow::shape_inference::InferenceContext;
using tensorflow::shape_inference::ShapeHandle;
namespace errors = tensorflow::errors;

// The rules of OpenSeq2Seq's operation.
Scoring OperationScoring() {
  Scoring scoring = NativeOpScoring();
  // Paths are sequences of labels: with and without a space at the end they are two.
  scoring.distinct_texts = false;
  return scoring;
}

// The path and which version of the file it is.
std::string Version(const std::string& path) {
  struct stat status = {};
  if (path.empty() || stat(path.c_str(), &status) != 0) return path + '\n';
  return path + '\n' + std::to_string(status.st_size) + ' ' + std::to_string(status.st_mtime) +
         '\n';
}

// What the files make, once for each set of files however many kernels use it, and for as long as
// the process lives: TensorFlow makes a new kernel for each graph.
std::shared_ptr<const Model> LoadOnce(const std::string& model_path, const std::string& trie_path,
                                      const std::string& alphabet_path) {
  static std::mutex mutex;
  static auto& language_models = *new std::map<std::string, std::shared_ptr<const LanguageModel>>;
  static auto& models = *new std::map<std::string, std::shared_ptr<const Model>>;
  std::lock_guard<std::mutex> lock(mutex);
  auto& model = models[Version(model_path) + Version(trie_path) + Version(alphabet_path)];
  if (!model) {
    auto& language_model = language_models[Version(model_path)];
    if (!language_model) language_model = LanguageModel::Load(model_path);
    model = std::make_shared<Model>(
        ReadAlphabet(alphabet_path), OperationScoring(),
        std::vector<std::shared_ptr<const LanguageModel>>{language_model}, nullptr, trie_path);
  }
  return model;
}

class BeamSearchOp : public OpKernel {
 public:
  explicit BeamSearchOp(OpKernelConstruction* context) : OpKernel(context) {
    std::string model_path, trie_path, alphabet_path;
    OP_REQUIRES_OK(context, context->GetAttr("model_path", &model_path));
    OP_REQUIRES_OK(context, context->GetAttr("trie_path", &trie_path));
    OP_REQUIRES_OK(context, context->GetAttr("alphabet_path", &alphabet_path));
    OP_REQUIRES_OK(context, context->GetAttr("alpha", &options_.alpha));
    OP_REQUIRES_OK(context, context->GetAttr("beta", &options_.beta));
    OP_REQUIRES_OK(context, context->GetAttr("trie_weight", &options_.trie_weight));
    OP_REQUIRES_OK(context, context->GetAttr("beam_width", &options_.beam_width));
    OP_REQUIRES_OK(context, context->GetAttr("top_paths", &options_.nbest));
    OP_REQUIRES_OK(context, context->GetAttr("merge_repeated", &merge_repeated_));
    try {
      model_ = LoadOnce(model_path, trie_path, alphabet_path);
      // Its constructor says which options make no sense.
      BeamSearch(model_, options_, nullptr);
    } catch (const std::exception& error) {
      OP_REQUIRES(context, false, errors::InvalidArgument(error.what()));
    }
  }

  void Compute(OpKernelContext* context) override {
    const Tensor &inputs = context->input(0), &sequence_length = context->input(1);
    OP_REQUIRES(context, inputs.dims() == 3,
                errors::InvalidArgument("inputs must be [time, batch, class]. Received: ",
                                        inputs.shape().DebugString()));
    const int64_t time = inputs.dim_size(0), batch = inputs.dim_size(1),
                  classes = inputs.dim_size(2);
    OP_REQUIRES(context, time > 0,
                errors::InvalidArgument("inputs have no frames (max_time is 0)."));
    OP_REQUIRES(
        context, sequence_length.dims() == 1 && sequence_length.dim_size(0) == batch,
        errors::InvalidArgument("sequence_length must be a vector of ", batch,
                                " lengths. Received: ", sequence_length.shape().DebugString()));
    const int64_t symbols = model_->symbols().size();
    OP_REQUIRES(context, classes == symbols + 1,
                errors::InvalidArgument("inputs have ", classes, " classes, expected ", symbols + 1,
                                        ": the alphabet's labels and the blank."));
    const auto lengths = sequence_length.vec<int32_t>();
    for (int64_t b = 0; b < batch; ++b) {
      OP_REQUIRES(context, lengths(b) >= 0 && lengths(b) <= time,
                  errors::InvalidArgument("sequence_length(", b, ") is ", lengths(b),
                                          ", expected 0 to ", time, "."));
    }
    std::vector<std::vector<Hypothesis>> found;
    try {
      found = Decode(context, inputs, lengths.data());
    } catch (const std::exception& error) {
      OP_REQUIRES(context, false, errors::InvalidArgument(error.what()));
    }
    for (int64_t b = 0; b < batch; ++b) {
      OP_REQUIRES(context, static_cast<int>(found[b].size()) >= options_.nbest,
                  errors::InvalidArgument("top_paths is ", options_.nbest, ", but utterance ", b,
                                          " has only ", found[b].size(), " paths."));
    }
    Output(context, found);
  }

 private:
  std::vector<std::vector<Hypothesis>> Decode(OpKernelContext* context, const Tensor& inputs,
                                              const int32_t* lengths) const {
    const int64_t time = inputs.dim_size(0), batch = inputs.dim_size(1),
                  classes = inputs.dim_size(2);
    const float* from = inputs.flat<float>().data();
    // The frames of an utterance one after the other.
    std::vector<float> rows(static_cast<size_t>(time * batch * classes));
    std::vector<Utterance> utterances;
    for (int64_t b = 0; b < batch; ++b) {
      float* start = rows.data() + b * time * classes;
      for (int64_t t = 0; t < lengths[b]; ++t) {
        std::copy_n(from + (t * batch + b) * classes, classes, start + t * classes);
      }
      utterances.push_back({start, lengths[b]});
    }
    const auto* workers = context->device()->tensorflow_cpu_worker_threads();
    const int threads = workers ? std::max(workers->num_threads, 1) : 1;
    return DecodeBatch(model_, options_, nullptr, utterances, Inputs::kLogits, threads);
  }

  // The labels of a path, each one's place among all labels, and the largest number of labels.
  void Output(OpKernelContext* context, const std::vector<std::vector<Hypothesis>>& found) const {
    const int64_t batch = static_cast<int64_t>(found.size());
    OpOutputList all_indices, all_values, all_shapes;
    OP_REQUIRES_OK(context, context->output_list("decoded_indices", &all_indices));
    OP_REQUIRES_OK(context, context->output_list("decoded_values", &all_values));
    OP_REQUIRES_OK(context, context->output_list("decoded_shape", &all_shapes));
    Tensor* scores = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(
                                "log_probability", TensorShape({batch, options_.nbest}), &scores));
    for (int path = 0; path < options_.nbest; ++path) {
      std::vector<std::vector<int>> labels;
      int64_t count = 0, longest = 0;
      for (int64_t b = 0; b < batch; ++b) {
        labels.push_back(Labels(found[b][path]));
        count += static_cast<int64_t>(labels.back().size());
        longest = std::max(longest, static_cast<int64_t>(labels.back().size()));
        scores->matrix<float>()(b, path) = static_cast<float>(found[b][path].score);
      }
      Tensor *indices = nullptr, *values = nullptr, *shape = nullptr;
      OP_REQUIRES_OK(context, all_indices.allocate(path, TensorShape({count, 2}), &indices));
      OP_REQUIRES_OK(context, all_values.allocate(path, TensorShape({count}), &values));
      OP_REQUIRES_OK(context, all_shapes.allocate(path, TensorShape({2}), &shape));
      int64_t at = 0;
      for (int64_t b = 0; b < batch; ++b) {
        for (size_t place = 0; place < labels[b].size(); ++place, ++at) {
          indices->matrix<int64_t>()(at, 0) = b;
          indices->matrix<int64_t>()(at, 1) = static_cast<int64_t>(place);
          values->vec<int64_t>()(at) = labels[b][place];
        }
      }
      shape->vec<int64_t>()(0) = batch;
      shape->vec<int64_t>()(1) = longest;
    }
  }

  std::vector<int> Labels(const Hypothesis& hypothesis) const {
    std::vector<int> labels;
    for (const TokenTime& token : hypothesis.tokens) {
      if (!merge_repeated_ || labels.empty() || labels.back() != token.symbol) {
        labels.push_back(token.symbol);
      }
    }
    return labels;
  }

  std::shared_ptr<const Model> model_;
  SearchOptions options_;
  bool merge_repeated_;
};

absl::Status Shapes(InferenceContext* context) {
  ShapeHandle inputs, lengths;
  TF_RETURN_IF_ERROR(context->WithRank(context->input(0), 3, &inputs));
  TF_RETURN_IF_ERROR(context->WithRank(context->input(1), 1, &lengths));
  tensorflow::shape_inference::DimensionHandle batch;
  TF_RETURN_IF_ERROR(context->Merge(context->Dim(inputs, 1), context->Dim(lengths, 0), &batch));
  int paths;
  TF_RETURN_IF_ERROR(context->GetAttr("top_paths", &paths));
  for (int path = 0; path < paths; ++path) {
    context->set_output(path, context->Matrix(InferenceContext::kUnknownDim, 2));
    context->set_output(paths + path, context->Vector(InferenceContext::kUnknownDim));
    context->set_output(2 * paths + path, context->Vector(2));
  }
  context->set_output(3 * paths, context->Matrix(batch, paths));
  return absl::OkStatus();
}

REGISTER_OP("CTCBeamSearchDecoderWithLM")
    .Input("inputs: float")
    .Input("sequence_length: int32")
    .Attr("model_path: string")
    .Attr("trie_path: string")
    .Attr("alphabet_path: string")
    .Attr("alpha: float")
    .Attr("beta: float")
    .Attr("trie_weight: float")
    .Attr("beam_width: int >= 1 = " + std::to_string(SearchOptions().beam_width))
    .Attr("top_paths: int >= 1 = " + std::to_string(SearchOptions().nbest))
    .Attr("merge_repeated: bool = true")
    .Output("decoded_indices: top_paths * int64")
    .Output("decoded_values: top_paths * int64")
    .Output("decoded_shape: top_paths * int64")
    .Output("log_probability: float")
    .SetShapeFn(Shapes);

REGISTER_KERNEL_BUILDER(Name("CTCBeamSearchDecoderWithLM").Device(tensorflow::DEVICE_CPU),
                        BeamSearchOp);

}  // namespace
}  // namespace ctc
