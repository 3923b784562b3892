// The kernels as TensorFlow operations, shared out over the threads of the CPU device.

#include <algorithm>
#include <cmath>
#include <vector>

#include "depthwise_kernels.h"
#include "normalization_kernels.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/op_kernel.h"
#include "tensorflow/core/framework/shape_inference.h"
#include "tensorflow/core/lib/core/threadpool.h"

namespace open_seq2seq {
namespace {

using tensorflow::bfloat16;
using tensorflow::OpKernel;
using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;
using tensorflow::Tensor;
using tensorflow::TensorShape;
using tensorflow::shape_inference::InferenceContext;
namespace errors = tensorflow::errors;

// Rows of activations that one thread takes at a time; they stay in its cache.
constexpr int64_t kRows = 128;

const uint16_t* Numbers(const Tensor& tensor) {
  return reinterpret_cast<const uint16_t*>(tensor.flat<bfloat16>().data());
}

uint16_t* Numbers(Tensor* tensor) {
  return reinterpret_cast<uint16_t*>(tensor->flat<bfloat16>().data());
}

// Calls work(first, last) for parts of [0, count); one unit costs `cycles`.
template <typename Work>
void Share(OpKernelContext* context, int64_t count, int64_t cycles, const Work& work) {
  auto* workers = context->device()->tensorflow_cpu_worker_threads()->workers;
  workers->ParallelFor(count, cycles, work);
}

DepthwiseShape ShapeOf(const Tensor& inputs, int64_t taps, int64_t dilation, int64_t before) {
  return {inputs.dim_size(0), inputs.dim_size(1), inputs.dim_size(2), taps, dilation, before};
}

class DepthwiseOp : public OpKernel {
 public:
  explicit DepthwiseOp(OpKernelConstruction* context) : OpKernel(context) {
    OP_REQUIRES_OK(context, context->GetAttr("dilation", &dilation_));
    OP_REQUIRES_OK(context, context->GetAttr("before", &before_));
    OP_REQUIRES_OK(context, context->GetAttr("reversed", &reversed_));
  }

  void Compute(OpKernelContext* context) override {
    const Tensor &inputs = context->input(0), &kernel = context->input(1);
    OP_REQUIRES(context, inputs.dims() == 3 && kernel.dims() == 2 &&
                    inputs.dim_size(2) == kernel.dim_size(1) &&
                    inputs.dim_size(2) % kDepthwiseChannels == 0,
                errors::InvalidArgument("inputs must be [batch, time, channel] and kernel [tap, "
                                        "channel], channels a multiple of 32. Received: ",
                                        inputs.shape().DebugString(), " and ",
                                        kernel.shape().DebugString()));
    Tensor* outputs = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, inputs.shape(), &outputs));
    const DepthwiseShape shape = ShapeOf(inputs, kernel.dim_size(0), dilation_, before_);
    const int64_t blocks = shape.channels / kDepthwiseChannels;
    const uint16_t* from = Numbers(inputs);
    const float* taps = kernel.flat<float>().data();
    uint16_t* to = Numbers(outputs);
    Share(context, shape.batch * blocks, shape.frames * (shape.taps + 8),
          [&](int64_t first, int64_t last) {
            for (int64_t unit = first; unit < last; ++unit) {
              DepthwiseForward(shape, from, taps, reversed_, unit / blocks,
                               unit % blocks * kDepthwiseChannels, to);
            }
          });
  }

 private:
  int64_t dilation_, before_;
  bool reversed_;
};

class DepthwiseFilterGradientOp : public OpKernel {
 public:
  explicit DepthwiseFilterGradientOp(OpKernelConstruction* context) : OpKernel(context) {
    OP_REQUIRES_OK(context, context->GetAttr("taps", &taps_));
    OP_REQUIRES_OK(context, context->GetAttr("dilation", &dilation_));
    OP_REQUIRES_OK(context, context->GetAttr("before", &before_));
  }

  void Compute(OpKernelContext* context) override {
    const Tensor &inputs = context->input(0), &upstream = context->input(1);
    OP_REQUIRES(context, inputs.dims() == 3 && inputs.shape() == upstream.shape() &&
                    inputs.dim_size(2) % kDepthwiseChannels == 0,
                errors::InvalidArgument("inputs and upstream must both be [batch, time, channel], "
                                        "channels a multiple of 32. Received: ",
                                        inputs.shape().DebugString(), " and ",
                                        upstream.shape().DebugString()));
    Tensor* gradient = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(
                                0, TensorShape({taps_, inputs.dim_size(2)}), &gradient));
    const DepthwiseShape shape = ShapeOf(inputs, taps_, dilation_, before_);
    const uint16_t *from = Numbers(inputs), *up = Numbers(upstream);
    float* to = gradient->flat<float>().data();
    Share(context, shape.channels / kDepthwiseChannels,
          shape.batch * shape.frames * (shape.taps + 8), [&](int64_t first, int64_t last) {
            for (int64_t block = first; block < last; ++block) {
              DepthwiseFilterGradient(shape, from, up, block * kDepthwiseChannels, to);
            }
          });
  }

 private:
  int64_t taps_, dilation_, before_;
};

// Mean and sum of squares of parts of the rows, joined (Chan et al. 1979).
void JoinMoments(const std::vector<float>& means, const std::vector<float>& squares, int64_t rows,
                 int64_t channels, float* mean, float* variance) {
  const int64_t parts = static_cast<int64_t>(means.size()) / channels;
  for (int64_t c = 0; c < channels; ++c) {
    double joined_mean = 0, joined_squares = 0, count = 0;
    for (int64_t part = 0; part < parts; ++part) {
      const double more = std::min(kRows, rows - part * kRows);
      const double distance = means[part * channels + c] - joined_mean;
      joined_squares += squares[part * channels + c] +
                        distance * distance * count * more / (count + more);
      joined_mean += distance * more / (count + more);
      count += more;
    }
    mean[c] = static_cast<float>(joined_mean);
    variance[c] = static_cast<float>(joined_squares / std::max(count, 1.0));
  }
}

class BatchNormalizeOp : public OpKernel {
 public:
  explicit BatchNormalizeOp(OpKernelConstruction* context) : OpKernel(context) {
    OP_REQUIRES_OK(context, context->GetAttr("epsilon", &epsilon_));
    OP_REQUIRES_OK(context, context->GetAttr("relu", &relu_));
  }

  void Compute(OpKernelContext* context) override {
    const Tensor &inputs = context->input(0), &gamma = context->input(1);
    const Tensor &beta = context->input(2), &residual = context->input(3);
    const Tensor& lengths = context->input(4);
    const int64_t frames = inputs.dim_size(1), channels = inputs.dim_size(2);
    const int64_t rows = inputs.dim_size(0) * frames;
    OP_REQUIRES(context, channels % kNormalizationChannels == 0 &&
                    gamma.NumElements() == channels && beta.NumElements() == channels,
                errors::InvalidArgument("channels must be a multiple of 16, one gamma and beta "
                                        "each. Received: ", inputs.shape().DebugString()));
    OP_REQUIRES(context, residual.NumElements() == 0 || residual.shape() == inputs.shape(),
                errors::InvalidArgument("residual must be like inputs. Received: ",
                                        residual.shape().DebugString()));
    OP_REQUIRES(context, lengths.NumElements() == 0 ||
                    lengths.NumElements() == inputs.dim_size(0),
                errors::InvalidArgument("lengths must be [batch]. Received: ",
                                        lengths.shape().DebugString()));
    Tensor *outputs = nullptr, *mean = nullptr, *variance = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, inputs.shape(), &outputs));
    OP_REQUIRES_OK(context, context->allocate_output(1, gamma.shape(), &mean));
    OP_REQUIRES_OK(context, context->allocate_output(2, gamma.shape(), &variance));

    const uint16_t* from = Numbers(inputs);
    const int64_t parts = (rows + kRows - 1) / kRows;
    std::vector<float> means(parts * channels), squares(parts * channels);
    Share(context, parts, kRows * channels / 4, [&](int64_t first, int64_t last) {
      for (int64_t part = first; part < last; ++part) {
        RowMoments(from + part * kRows * channels, std::min(kRows, rows - part * kRows), channels,
                   &means[part * channels], &squares[part * channels]);
      }
    });
    JoinMoments(means, squares, rows, channels, mean->flat<float>().data(),
                variance->flat<float>().data());

    std::vector<float> scale(channels), shift(channels);
    for (int64_t c = 0; c < channels; ++c) {
      scale[c] = gamma.flat<float>()(c) / std::sqrt(variance->flat<float>()(c) + epsilon_);
      shift[c] = beta.flat<float>()(c) - mean->flat<float>()(c) * scale[c];
    }
    const uint16_t* added = residual.NumElements() > 0 ? Numbers(residual) : nullptr;
    const int32_t* last_frames = lengths.NumElements() > 0 ? lengths.flat<int32_t>().data()
                                                           : nullptr;
    uint16_t* to = Numbers(outputs);
    const int64_t pieces = (frames + kRows - 1) / kRows;
    Share(context, inputs.dim_size(0) * pieces, kRows * channels / 4,
          [&](int64_t first, int64_t last) {
            for (int64_t unit = first; unit < last; ++unit) {
              const int64_t utterance = unit / pieces, begin = unit % pieces * kRows;
              const int64_t end = std::min(frames, begin + kRows);
              const int64_t length = last_frames ? last_frames[utterance] : frames;
              const int64_t kept = std::clamp(length, begin, end) - begin;
              const int64_t offset = (utterance * frames + begin) * channels;
              NormalizeRows(from + offset, added ? added + offset : nullptr, scale.data(),
                            shift.data(), relu_, kept, channels, to + offset);
              std::fill_n(to + offset + kept * channels, (end - begin - kept) * channels, 0);
            }
          });
  }

 private:
  float epsilon_;
  bool relu_;
};

class BatchNormalizeGradientOp : public OpKernel {
 public:
  explicit BatchNormalizeGradientOp(OpKernelConstruction* context) : OpKernel(context) {
    OP_REQUIRES_OK(context, context->GetAttr("epsilon", &epsilon_));
    OP_REQUIRES_OK(context, context->GetAttr("relu", &relu_));
    OP_REQUIRES_OK(context, context->GetAttr("residual", &residual_));
  }

  void Compute(OpKernelContext* context) override {
    const Tensor &upstream = context->input(0), &outputs = context->input(1);
    const Tensor &inputs = context->input(2), &gamma = context->input(3);
    const Tensor &mean = context->input(4), &variance = context->input(5);
    OP_REQUIRES(context, upstream.shape() == inputs.shape() &&
                    outputs.shape() == inputs.shape() && inputs.dims() == 3,
                errors::InvalidArgument("upstream, outputs and inputs must be alike. Received: ",
                                        upstream.shape().DebugString()));
    const int64_t channels = inputs.dim_size(2);
    const int64_t rows = inputs.dim_size(0) * inputs.dim_size(1);
    Tensor *gradient = nullptr, *for_gamma = nullptr, *for_beta = nullptr, *passed = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, inputs.shape(), &gradient));
    OP_REQUIRES_OK(context, context->allocate_output(1, gamma.shape(), &for_gamma));
    OP_REQUIRES_OK(context, context->allocate_output(2, gamma.shape(), &for_beta));
    const TensorShape none({0});
    OP_REQUIRES_OK(context,
                   context->allocate_output(3, residual_ ? inputs.shape() : none, &passed));

    const uint16_t *up = Numbers(upstream), *from = Numbers(inputs);
    const uint16_t* above = relu_ ? Numbers(outputs) : nullptr;
    const float* centre = mean.flat<float>().data();
    const int64_t parts = (rows + kRows - 1) / kRows;
    std::vector<float> sums(parts * channels, 0.0f), products(parts * channels, 0.0f);
    Share(context, parts, kRows * channels / 4, [&](int64_t first, int64_t last) {
      for (int64_t part = first; part < last; ++part) {
        const int64_t at = part * kRows * channels;
        GradientSums(up + at, above ? above + at : nullptr, from + at, centre,
                     std::min(kRows, rows - part * kRows), channels, &sums[part * channels],
                     &products[part * channels]);
      }
    });
    std::vector<float> scale(channels), slope(channels), offset(channels);
    for (int64_t c = 0; c < channels; ++c) {
      double sum = 0, product = 0;
      for (int64_t part = 0; part < parts; ++part) {
        sum += sums[part * channels + c];
        product += products[part * channels + c];
      }
      const double deviation = std::sqrt(double{variance.flat<float>()(c)} + epsilon_);
      const double factor = gamma.flat<float>()(c) / deviation;
      for_gamma->flat<float>()(c) = static_cast<float>(product / deviation);
      for_beta->flat<float>()(c) = static_cast<float>(sum);
      scale[c] = static_cast<float>(factor);
      offset[c] = static_cast<float>(-factor * sum / rows);
      slope[c] = static_cast<float>(-factor * product / (deviation * deviation * rows));
    }
    uint16_t* to = Numbers(gradient);
    uint16_t* through = residual_ ? Numbers(passed) : nullptr;
    Share(context, parts, kRows * channels / 4, [&](int64_t first, int64_t last) {
      for (int64_t part = first; part < last; ++part) {
        const int64_t at = part * kRows * channels;
        GradientRows(up + at, above ? above + at : nullptr, from + at, centre, scale.data(),
                     slope.data(), offset.data(), std::min(kRows, rows - part * kRows), channels,
                     to + at, through ? through + at : nullptr);
      }
    });
  }

 private:
  float epsilon_;
  bool relu_, residual_;
};

absl::Status LikeFirst(InferenceContext* context) {
  context->set_output(0, context->input(0));
  return absl::OkStatus();
}

}  // namespace

REGISTER_OP("OpenSeq2SeqDepthwise")
    .Input("inputs: bfloat16")
    .Input("kernel: float")
    .Output("outputs: bfloat16")
    .Attr("dilation: int")
    .Attr("before: int")
    .Attr("reversed: bool")
    .SetShapeFn(LikeFirst);

REGISTER_OP("OpenSeq2SeqDepthwiseFilterGradient")
    .Input("inputs: bfloat16")
    .Input("upstream: bfloat16")
    .Output("gradient: float")
    .Attr("taps: int")
    .Attr("dilation: int")
    .Attr("before: int")
    .SetShapeFn([](InferenceContext* context) {
      int64_t taps;
      TF_RETURN_IF_ERROR(context->GetAttr("taps", &taps));
      context->set_output(0, context->Matrix(taps, context->Dim(context->input(0), 2)));
      return absl::OkStatus();
    });

REGISTER_OP("OpenSeq2SeqBatchNormalize")
    .Input("inputs: bfloat16")
    .Input("gamma: float")
    .Input("beta: float")
    .Input("residual: bfloat16")
    .Input("lengths: int32")
    .Output("outputs: bfloat16")
    .Output("mean: float")
    .Output("variance: float")
    .Attr("epsilon: float")
    .Attr("relu: bool")
    .SetShapeFn([](InferenceContext* context) {
      context->set_output(0, context->input(0));
      context->set_output(1, context->input(1));
      context->set_output(2, context->input(1));
      return absl::OkStatus();
    });

REGISTER_OP("OpenSeq2SeqBatchNormalizeGradient")
    .Input("upstream: bfloat16")
    .Input("outputs: bfloat16")
    .Input("inputs: bfloat16")
    .Input("gamma: float")
    .Input("mean: float")
    .Input("variance: float")
    .Output("gradient: bfloat16")
    .Output("for_gamma: float")
    .Output("for_beta: float")
    .Output("for_residual: bfloat16")
    .Attr("epsilon: float")
    .Attr("relu: bool")
    .Attr("residual: bool")
    .SetShapeFn([](InferenceContext* context) {
      context->set_output(0, context->input(2));
      context->set_output(1, context->input(3));
      context->set_output(2, context->input(3));
      bool residual;
      TF_RETURN_IF_ERROR(context->GetAttr("residual", &residual));
      context->set_output(3, residual ? context->input(2) : context->Vector(0));
      return absl::OkStatus();
    });

REGISTER_KERNEL_BUILDER(Name("OpenSeq2SeqDepthwise").Device(tensorflow::DEVICE_CPU), DepthwiseOp);
REGISTER_KERNEL_BUILDER(
    Name("OpenSeq2SeqDepthwiseFilterGradient").Device(tensorflow::DEVICE_CPU),
    DepthwiseFilterGradientOp);
REGISTER_KERNEL_BUILDER(Name("OpenSeq2SeqBatchNormalize").Device(tensorflow::DEVICE_CPU),
                        BatchNormalizeOp);
REGISTER_KERNEL_BUILDER(Name("OpenSeq2SeqBatchNormalizeGradient").Device(tensorflow::DEVICE_CPU),
                        BatchNormalizeGradientOp);

}  // namespace open_seq2seq
