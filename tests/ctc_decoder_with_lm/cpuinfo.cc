// Prints the line of /proc/cpuinfo that lists what the processor can do, as far as the levels of x86-64
// ask for it: CPUID's bits by the names that Linux gives them (arch/x86/include/asm/cpufeatures.h).
#include <cpuid.h>

#include <cstdio>

namespace {

struct Feature {
  unsigned leaf;
  int place;  // in `registers`: EAX, EBX, ECX, EDX
  int bit;
  const char* name;
};

constexpr Feature kFeatures[] = {
    {1, 2, 9, "ssse3"},          {1, 2, 12, "fma"},        {1, 2, 13, "cx16"},
    {1, 2, 19, "sse4_1"},        {1, 2, 20, "sse4_2"},     {1, 2, 22, "movbe"},
    {1, 2, 23, "popcnt"},        {1, 2, 28, "avx"},        {1, 2, 29, "f16c"},
    {7, 1, 3, "bmi1"},           {7, 1, 5, "avx2"},        {7, 1, 8, "bmi2"},
    {7, 1, 16, "avx512f"},       {7, 1, 17, "avx512dq"},   {7, 1, 28, "avx512cd"},
    {7, 1, 30, "avx512bw"},      {7, 1, 31, "avx512vl"},   {0x80000001, 2, 0, "lahf_lm"},
    {0x80000001, 2, 5, "abm"},
};

}  // namespace

int main() {
  std::printf("flags\t\t:");
  for (const Feature& feature : kFeatures) {
    unsigned registers[4] = {};
    __get_cpuid_count(feature.leaf, 0, &registers[0], &registers[1], &registers[2], &registers[3]);
    if (registers[feature.place] >> feature.bit & 1) std::printf(" %s", feature.name);
  }
  std::printf("\n");
}
