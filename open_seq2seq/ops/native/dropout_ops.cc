// Dropout as a TensorFlow operation.

#include <algorithm>
#include <cmath>

#include "dropout_kernels.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/op_kernel.h"
#include "tensorflow/core/framework/shape_inference.h"
#include "tensorflow/core/lib/core/threadpool.h"

namespace open_seq2seq {
namespace {

using tensorflow::OpKernel;
using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;
using tensorflow::Tensor;
namespace errors = tensorflow::errors;

// Values that one thread takes at a time.
constexpr int64_t kPiece = 512 * kDropoutValues;

// `Type` is the tensor's type, `Number` what the kernels read it as.
template <typename Type, typename Number>
class DropoutOp : public OpKernel {
 public:
  explicit DropoutOp(OpKernelConstruction* context) : OpKernel(context) {
    OP_REQUIRES_OK(context, context->GetAttr("rate", &rate_));
    OP_REQUIRES(context, rate_ >= 0 && rate_ < 1,
                errors::InvalidArgument("rate must be in [0, 1). Received: ", rate_));
  }

  void Compute(OpKernelContext* context) override {
    const Tensor &inputs = context->input(0), &seed = context->input(1);
    OP_REQUIRES(context, seed.NumElements() == 2,
                errors::InvalidArgument("seed must be two numbers. Received: ",
                                        seed.shape().DebugString()));
    Tensor* outputs = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, inputs.shape(), &outputs));
    const auto words = seed.flat<uint32_t>();
    const uint64_t key = DropoutKey(words(0), words(1));
    const auto threshold = static_cast<uint32_t>(std::min<int64_t>(
        std::lround(double{rate_} * kDropoutSteps), kDropoutSteps - 1));
    // Of the share that is really kept: the mean stays.
    const float scale = static_cast<float>(kDropoutSteps) / (kDropoutSteps - threshold);
    const auto* from = reinterpret_cast<const Number*>(inputs.flat<Type>().data());
    auto* to = reinterpret_cast<Number*>(outputs->flat<Type>().data());
    const int64_t count = inputs.NumElements();
    auto* workers = context->device()->tensorflow_cpu_worker_threads()->workers;
    workers->ParallelFor((count + kPiece - 1) / kPiece, kPiece / 4,
                         [&](int64_t first, int64_t last) {
                           const int64_t begin = first * kPiece;
                           const int64_t end = std::min(count, last * kPiece);
                           Dropout(from + begin, end - begin, key, begin, threshold, scale,
                                   to + begin);
                         });
  }

 private:
  float rate_;
};

}  // namespace

REGISTER_OP("OpenSeq2SeqDropout")
    .Input("inputs: T")
    .Input("seed: uint32")
    .Output("outputs: T")
    .Attr("T: {bfloat16, float}")
    .Attr("rate: float")
    .SetShapeFn([](tensorflow::shape_inference::InferenceContext* context) {
      context->set_output(0, context->input(0));
      return absl::OkStatus();
    });

using BfloatDropoutOp = DropoutOp<tensorflow::bfloat16, uint16_t>;
using FloatDropoutOp = DropoutOp<float, float>;

REGISTER_KERNEL_BUILDER(
    Name("OpenSeq2SeqDropout").Device(tensorflow::DEVICE_CPU).TypeConstraint<tensorflow::bfloat16>(
        "T"),
    BfloatDropoutOp);
REGISTER_KERNEL_BUILDER(
    Name("OpenSeq2SeqDropout").Device(tensorflow::DEVICE_CPU).TypeConstraint<float>("T"),
    FloatDropoutOp);

}  // namespace open_seq2seq
