// Recurrent layers as TensorFlow operations. Directions and utterances are independent of each
// other: threads take some utterances of a direction each, and never wait for one another.

#include <algorithm>
#include <numeric>
#include <string>
#include <type_traits>
#include <vector>

#include "recurrent_kernels.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/op_kernel.h"
#include "tensorflow/core/framework/shape_inference.h"
#include "tensorflow/core/lib/core/threadpool.h"

namespace open_seq2seq {
namespace {

using tensorflow::OpInputList;
using tensorflow::OpKernel;
using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;
using tensorflow::OpOutputList;
using tensorflow::Tensor;
using tensorflow::TensorShape;
using tensorflow::shape_inference::DimensionHandle;
using tensorflow::shape_inference::InferenceContext;
using tensorflow::shape_inference::ShapeHandle;
namespace errors = tensorflow::errors;

// Fewer utterances make poor use of each pass over the kernel.
constexpr int64_t kLeastRows = 4;
// More than any pool's threshold: every unit of work is worth a thread.
constexpr int64_t kCycles = 100'000'000;

// The type that the kernels know a tensor's numbers by.
template <typename T>
using Element = std::conditional_t<std::is_same_v<T, float>, float, uint16_t>;

template <typename T>
const Element<T>* Read(const Tensor& tensor) {
  return reinterpret_cast<const Element<T>*>(tensor.flat<T>().data());
}

template <typename T>
Element<T>* Write(Tensor* tensor) {
  return reinterpret_cast<Element<T>*>(tensor->flat<T>().data());
}

RecurrentCell CellOf(const std::string& name) {
  if (name == "gru") return RecurrentCell::kGru;
  if (name == "gru_reset_after") return RecurrentCell::kGruResetAfter;
  return name == "lstm" ? RecurrentCell::kLstm : RecurrentCell::kRelu;
}

// What both operations share: attributes, checks, packing and sharing out.
template <typename T>
class RecurrentBase : public OpKernel {
 public:
  explicit RecurrentBase(OpKernelConstruction* context) : OpKernel(context) {
    std::string cell;
    OP_REQUIRES_OK(context, context->GetAttr("cell", &cell));
    OP_REQUIRES_OK(context, context->GetAttr("backwards", &backwards_));
    cell_ = CellOf(cell);
  }

 protected:
  // The problem with the shapes, if there is one: `wide` is [batch, frames, gates * units].
  absl::Status Check(const OpInputList& wide, const OpInputList& kernels,
                     const Tensor& lengths) const {
    const int64_t gates = WidthsOf(cell_).gates;
    for (int d = 0; d < wide.size(); ++d) {
      const int64_t units = kernels[d].dims() == 2 ? kernels[d].dim_size(0) : 0;
      const bool fits = wide[d].dims() == 3 && wide[d].shape() == wide[0].shape() && units > 0 &&
                        units % kRecurrentUnits == 0 && kernels[d].dim_size(1) == gates * units &&
                        wide[d].dim_size(2) == gates * units &&
                        kernels[d].shape() == kernels[0].shape() &&
                        lengths.NumElements() == wide[d].dim_size(0);
      if (!fits || wide.size() != static_cast<int>(backwards_.size())) {
        return errors::InvalidArgument(
            "inputs must be [batch, time, gates * units] and kernels [units, gates * units], "
            "units a multiple of 16, lengths [batch]. Received: ",
            wide[d].shape().DebugString(), " and ", kernels[d].shape().DebugString());
      }
    }
    return absl::OkStatus();
  }

  static std::vector<int32_t> Clamped(const Tensor& lengths, int64_t frames) {
    std::vector<int32_t> kept(lengths.NumElements());
    for (size_t i = 0; i < kept.size(); ++i) {
      const int32_t length = lengths.flat<int32_t>()(i);
      kept[i] = std::clamp<int32_t>(length, 0, static_cast<int32_t>(frames));
    }
    return kept;
  }

  template <typename Work>
  static void Share(OpKernelContext* context, int64_t count, const Work& work) {
    auto* workers = context->device()->tensorflow_cpu_worker_threads()->workers;
    workers->ParallelFor(count, kCycles, [&](int64_t first, int64_t last) {
      for (int64_t unit = first; unit < last; ++unit) work(unit);
    });
  }

  std::vector<PackedKernel<Element<T>>> Pack(OpKernelContext* context, const OpInputList& kernels,
                                             bool transposed) const {
    const int64_t units = kernels[0].dim_size(0);
    std::vector<PackedKernel<Element<T>>> packed(kernels.size());
    for (auto& kernel : packed) kernel.Resize(cell_, units, transposed);
    const int64_t panels = packed[0].Count();
    Share(context, panels * kernels.size(), [&](int64_t unit) {
      const int64_t d = unit / panels;
      packed[d].Fill(cell_, units, Read<T>(kernels[d]), transposed, unit % panels);
    });
    return packed;
  }

  // The utterances of each part of a direction, longest first, all parts of about the same work.
  static std::vector<std::vector<int32_t>> Parts(OpKernelContext* context,
                                                 const std::vector<int32_t>& lengths,
                                                 int64_t directions) {
    const int64_t threads = context->device()->tensorflow_cpu_worker_threads()->num_threads;
    const int64_t batch = lengths.size();
    const int64_t wanted = (threads + directions - 1) / directions;
    const int64_t count = std::max<int64_t>(1, std::min(wanted, batch / kLeastRows));
    std::vector<int32_t> order(batch);
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](int32_t a, int32_t b) { return lengths[a] > lengths[b]; });
    std::vector<std::vector<int32_t>> parts(count);
    for (int64_t i = 0; i < batch; ++i) parts[i % count].push_back(order[i]);
    return parts;
  }

  RecurrentCell cell_;
  std::vector<bool> backwards_;
};

template <typename T>
class RecurrentOp : public RecurrentBase<T> {
 public:
  explicit RecurrentOp(OpKernelConstruction* context) : RecurrentBase<T>(context) {
    OP_REQUIRES_OK(context, context->GetAttr("keep", &keep_));
    OP_REQUIRES_OK(context, context->GetAttr("stateful", &stateful_));
  }

  void Compute(OpKernelContext* context) override {
    OpInputList inputs, kernels, biases, initial;
    OpOutputList outputs, saved, last;
    OP_REQUIRES_OK(context, context->input_list("inputs", &inputs));
    OP_REQUIRES_OK(context, context->input_list("kernels", &kernels));
    OP_REQUIRES_OK(context, context->input_list("biases", &biases));
    OP_REQUIRES_OK(context, context->input_list("initial", &initial));
    OP_REQUIRES_OK(context, context->output_list("outputs", &outputs));
    OP_REQUIRES_OK(context, context->output_list("saved", &saved));
    OP_REQUIRES_OK(context, context->output_list("last", &last));
    const Tensor& lengths_given = context->input(context->num_inputs() - 1);
    OP_REQUIRES_OK(context, this->Check(inputs, kernels, lengths_given));
    const int64_t batch = inputs[0].dim_size(0), frames = inputs[0].dim_size(1);
    const int64_t units = kernels[0].dim_size(0);
    const RecurrentWidths widths = WidthsOf(this->cell_);
    for (int d = 0; d < inputs.size(); ++d) {
      OP_REQUIRES(context, biases[d].NumElements() == widths.biases * units,
                  errors::InvalidArgument("the wrong size of bias. Received: ",
                                          biases[d].shape().DebugString()));
      Tensor* unused = nullptr;
      OP_REQUIRES_OK(context, outputs.allocate(d, TensorShape({batch, frames, units}), &unused));
      const TensorShape all({batch, frames, widths.saved * units}), none({0, 0, 0});
      OP_REQUIRES_OK(context, saved.allocate(d, keep_ ? all : none, &unused));
      const TensorShape states({batch, widths.states * units});
      OP_REQUIRES_OK(context, last.allocate(d, stateful_ ? states : none, &unused));
      OP_REQUIRES(context, !stateful_ || initial[d].shape() == states,
                  errors::InvalidArgument("initial states must be ", states.DebugString(),
                                          ". Received: ", initial[d].shape().DebugString()));
    }
    const std::vector<int32_t> lengths = this->Clamped(lengths_given, frames);
    const auto packed = this->Pack(context, kernels, false);
    const auto parts = this->Parts(context, lengths, inputs.size());
    this->Share(context, parts.size() * inputs.size(), [&](int64_t unit) {
      const int64_t d = unit / parts.size();
      const RecurrentSequence<Element<T>> sequence = {
          this->cell_, frames, units, this->backwards_[d], lengths.data(), &packed[d]};
      RecurrentForward(sequence, parts[unit % parts.size()], Read<T>(inputs[d]),
                       biases[d].flat<float>().data(),
                       stateful_ ? initial[d].flat<float>().data() : nullptr,
                       Write<T>(outputs[d]), keep_ ? Write<T>(saved[d]) : nullptr,
                       stateful_ ? last[d]->template flat<float>().data() : nullptr);
    });
  }

 private:
  bool keep_, stateful_;
};

template <typename T>
class RecurrentGradientOp : public RecurrentBase<T> {
 public:
  explicit RecurrentGradientOp(OpKernelConstruction* context) : RecurrentBase<T>(context) {}

  void Compute(OpKernelContext* context) override {
    OpInputList upstream, outputs, saved, kernels;
    OpOutputList for_inputs, for_products, for_biases;
    OP_REQUIRES_OK(context, context->input_list("upstream", &upstream));
    OP_REQUIRES_OK(context, context->input_list("outputs", &outputs));
    OP_REQUIRES_OK(context, context->input_list("saved", &saved));
    OP_REQUIRES_OK(context, context->input_list("kernels", &kernels));
    OP_REQUIRES_OK(context, context->output_list("for_inputs", &for_inputs));
    OP_REQUIRES_OK(context, context->output_list("for_products", &for_products));
    OP_REQUIRES_OK(context, context->output_list("for_biases", &for_biases));
    const Tensor& lengths_given = context->input(context->num_inputs() - 1);
    const int64_t batch = outputs[0].dim_size(0), frames = outputs[0].dim_size(1);
    const int64_t units = kernels[0].dim_size(0), directions = outputs.size();
    const RecurrentWidths widths = WidthsOf(this->cell_);
    const bool separate = this->cell_ == RecurrentCell::kGruResetAfter;
    for (int d = 0; d < directions; ++d) {
      OP_REQUIRES(context,
                  upstream[d].shape() == outputs[d].shape() &&
                      outputs[d].shape() == TensorShape({batch, frames, units}) &&
                      saved[d].shape() == TensorShape({batch, frames, widths.saved * units}),
                  errors::InvalidArgument("upstream and outputs must be alike, saved what the "
                                          "layer kept. Received: ",
                                          upstream[d].shape().DebugString(), " and ",
                                          saved[d].shape().DebugString()));
      const TensorShape wide({batch, frames, widths.gates * units}), none({0, 0, 0});
      Tensor* unused = nullptr;
      OP_REQUIRES_OK(context, for_inputs.allocate(d, wide, &unused));
      OP_REQUIRES_OK(context, for_products.allocate(d, separate ? wide : none, &unused));
      OP_REQUIRES_OK(context,
                     for_biases.allocate(d, TensorShape({widths.biases * units}), &unused));
    }
    const std::vector<int32_t> lengths = this->Clamped(lengths_given, frames);
    const auto packed = this->Pack(context, kernels, true);
    const auto parts = this->Parts(context, lengths, directions);
    const int64_t count = parts.size();
    // Each part sums its own, so that the order of additions is always the same.
    std::vector<std::vector<float>> sums(count * directions,
                                         std::vector<float>(widths.biases * units, 0.0f));
    this->Share(context, count * directions, [&](int64_t unit) {
      const int64_t d = unit / count;
      const RecurrentSequence<Element<T>> sequence = {
          this->cell_, frames, units, this->backwards_[d], lengths.data(), &packed[d]};
      RecurrentGradient(sequence, parts[unit % count], Read<T>(upstream[d]), Read<T>(outputs[d]),
                        Read<T>(saved[d]), Write<T>(for_inputs[d]),
                        separate ? Write<T>(for_products[d]) : nullptr, sums[unit].data());
    });
    for (int64_t d = 0; d < directions; ++d) {
      float* to = for_biases[d]->template flat<float>().data();
      std::fill_n(to, widths.biases * units, 0.0f);
      for (int64_t part = 0; part < count; ++part) {
        const std::vector<float>& from = sums[d * count + part];
        for (size_t i = 0; i < from.size(); ++i) to[i] += from[i];
      }
    }
  }
};

absl::Status WidthsIn(InferenceContext* context, RecurrentWidths* widths) {
  std::string cell;
  TF_RETURN_IF_ERROR(context->GetAttr("cell", &cell));
  *widths = WidthsOf(CellOf(cell));
  return absl::OkStatus();
}

// [batch, time, width] like `array`, of `gates` times the units of a kernel.
absl::Status Widened(InferenceContext* context, ShapeHandle array, ShapeHandle kernel,
                     int64_t gates, ShapeHandle* widened) {
  DimensionHandle width;
  TF_RETURN_IF_ERROR(context->WithRank(array, 3, &array));
  TF_RETURN_IF_ERROR(context->WithRank(kernel, 2, &kernel));
  TF_RETURN_IF_ERROR(context->Multiply(context->Dim(kernel, 0), gates, &width));
  return context->ReplaceDim(array, 2, width, widened);
}

absl::Status ForwardShapes(InferenceContext* context) {
  RecurrentWidths widths;
  TF_RETURN_IF_ERROR(WidthsIn(context, &widths));
  bool keep;
  TF_RETURN_IF_ERROR(context->GetAttr("keep", &keep));
  bool stateful;
  TF_RETURN_IF_ERROR(context->GetAttr("stateful", &stateful));
  const int64_t directions = context->num_outputs() / 3;
  for (int64_t d = 0; d < directions; ++d) {
    const ShapeHandle inputs = context->input(d), kernel = context->input(directions + d);
    ShapeHandle outputs, saved = context->MakeShape({0, 0, 0});
    TF_RETURN_IF_ERROR(Widened(context, inputs, kernel, 1, &outputs));
    if (keep) TF_RETURN_IF_ERROR(Widened(context, inputs, kernel, widths.saved, &saved));
    context->set_output(d, outputs);
    context->set_output(directions + d, saved);
    const ShapeHandle none = context->MakeShape({0, 0, 0});
    context->set_output(2 * directions + d, stateful ? context->input(3 * directions + d) : none);
  }
  return absl::OkStatus();
}

absl::Status GradientShapes(InferenceContext* context) {
  RecurrentWidths widths;
  TF_RETURN_IF_ERROR(WidthsIn(context, &widths));
  const int64_t directions = context->num_outputs() / 3;
  for (int64_t d = 0; d < directions; ++d) {
    const ShapeHandle outputs = context->input(d), kernel = context->input(3 * directions + d);
    ShapeHandle gates;
    DimensionHandle biases;
    TF_RETURN_IF_ERROR(Widened(context, outputs, kernel, widths.gates, &gates));
    TF_RETURN_IF_ERROR(context->Multiply(context->Dim(kernel, 0), widths.biases, &biases));
    context->set_output(d, gates);
    // As wide as the inputs, or empty.
    const bool separate = widths.biases > widths.gates;
    context->set_output(directions + d, separate ? gates : context->MakeShape({0, 0, 0}));
    context->set_output(2 * directions + d, context->Vector(biases));
  }
  return absl::OkStatus();
}

}  // namespace

REGISTER_OP("OpenSeq2SeqRecurrent")
    .Input("inputs: directions * T")
    .Input("kernels: directions * T")
    .Input("biases: directions * float")
    .Input("initial: directions * float")
    .Input("lengths: int32")
    .Output("outputs: directions * T")
    .Output("saved: directions * T")
    .Output("last: directions * float")
    .Attr("directions: int >= 1")
    .Attr("T: {float, bfloat16}")
    .Attr("cell: {'gru', 'gru_reset_after', 'lstm', 'relu'}")
    .Attr("backwards: list(bool)")
    .Attr("keep: bool")
    .Attr("stateful: bool")
    .SetShapeFn(ForwardShapes);

REGISTER_OP("OpenSeq2SeqRecurrentGradient")
    .Input("upstream: directions * T")
    .Input("outputs: directions * T")
    .Input("saved: directions * T")
    .Input("kernels: directions * T")
    .Input("lengths: int32")
    .Output("for_inputs: directions * T")
    .Output("for_products: directions * T")
    .Output("for_biases: directions * float")
    .Attr("directions: int >= 1")
    .Attr("T: {float, bfloat16}")
    .Attr("cell: {'gru', 'gru_reset_after', 'lstm', 'relu'}")
    .Attr("backwards: list(bool)")
    .SetShapeFn(GradientShapes);

#define OS2S_REGISTER(T)                                                             \
  REGISTER_KERNEL_BUILDER(                                                           \
      Name("OpenSeq2SeqRecurrent").Device(tensorflow::DEVICE_CPU).TypeConstraint<T>("T"), \
      RecurrentOp<T>);                                                               \
  REGISTER_KERNEL_BUILDER(Name("OpenSeq2SeqRecurrentGradient")                       \
                              .Device(tensorflow::DEVICE_CPU)                        \
                              .TypeConstraint<T>("T"),                               \
                          RecurrentGradientOp<T>);
OS2S_REGISTER(float)
OS2S_REGISTER(tensorflow::bfloat16)

}  // namespace open_seq2seq
