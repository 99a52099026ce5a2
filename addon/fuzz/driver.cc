// Stands in for libFuzzer where there is no clang: runs a target over the files of a corpus, then over seeded mutations of
// them. Usage: TARGET -seed=N -runs=N DIRECTORY. The same seed and corpus give the same inputs. What fails is left in
// ./crash-input. libFuzzer's options of the same names mean the same.
#include <dirent.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

#include "target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

using Input = std::vector<uint8_t>;
constexpr size_t kInputMax = 64 << 10;

Input current;

// SplitMix64 (Steele, Lea and Flood, 2014).
uint64_t state = 0;
uint64_t next() {
  uint64_t z = (state += 0x9E3779B97F4A7C15);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}
size_t below(size_t bound) { return bound == 0 ? 0 : next() % bound; }

const char* const kWords[] = {"../", "/", "..", ".wh.", ".wh..wh..opq", "ustar", "GNU.sparse.major=1\n", "30 mtime=1.5\n",
                              "path=", "linkpath=", "SCHILY.xattr.", "size=", "77777777777", "-1", "\xff\xff\xff\xff", "L", "x", "S"};

void mutate(Input& input, const std::vector<Input>& corpus) {
  const size_t at = below(input.size() + 1);
  switch (below(8)) {
    case 0: if (at < input.size()) input[at] ^= static_cast<uint8_t>(1 << below(8)); break;
    case 1: if (at < input.size()) input[at] = static_cast<uint8_t>(next()); break;
    case 2: input.erase(input.begin() + static_cast<long>(at), input.begin() + static_cast<long>(std::min(input.size(), at + 1 + below(600)))); break;
    case 3: {  // a whole block of the archive, to another place
      if (input.size() < 1024) break;
      const size_t from = below(input.size() / 512) * 512, to = below(input.size() / 512) * 512;
      Input block(input.begin() + static_cast<long>(from), input.begin() + static_cast<long>(std::min(input.size(), from + 512)));
      input.insert(input.begin() + static_cast<long>(to), block.begin(), block.end());
      break;
    }
    case 4: {
      const char* word = kWords[below(std::size(kWords))];
      for (size_t i = 0; word[i] != 0 && at + i < input.size(); i++) input[at + i] = static_cast<uint8_t>(word[i]);
      break;
    }
    case 5: {  // digits of the header's numbers
      if (input.size() < 512) break;
      const size_t field = below(input.size() / 512) * 512 + 100 + below(57);
      if (field < input.size()) input[field] = static_cast<uint8_t>('0' + below(8));
      break;
    }
    case 6: {
      const size_t type = below(input.size() / 512 + 1) * 512 + 156;
      if (type < input.size()) input[type] = static_cast<uint8_t>("0123456xgLKSV"[below(13)]);
      break;
    }
    default: {
      const Input& other = corpus[below(corpus.size())];
      input.resize(at);
      input.insert(input.end(), other.begin() + static_cast<long>(below(other.size() + 1)), other.end());
    }
  }
  if (input.size() > kInputMax) input.resize(kInputMax);
}

std::vector<Input> readCorpus(const char* folder) {
  std::vector<std::string> names;
  DIR* directory = opendir(folder);
  if (directory == nullptr) {
    std::perror(folder);
    std::exit(2);
  }
  while (const dirent* entry = readdir(directory)) {
    if (entry->d_name[0] != '.') names.push_back(std::string(folder) + "/" + entry->d_name);
  }
  closedir(directory);
  std::sort(names.begin(), names.end());
  std::vector<Input> corpus;
  for (const std::string& name : names) {
    std::ifstream file(name, std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return corpus;
}

void keepInput(int signal) {
  if (FILE* file = std::fopen("crash-input", "wb")) {
    std::fwrite(current.data(), 1, current.size(), file);
    std::fclose(file);
  }
  ::signal(signal, SIG_DFL);
  raise(signal);
}

void run(const Input& input) {
  current = input;
  LLVMFuzzerTestOneInput(current.data(), current.size());
}

}  // namespace

int main(int argc, char** argv) {
  uint64_t seed = 1, runs = 1000;
  const char* folder = nullptr;
  for (int i = 1; i < argc; i++) {
    if (std::sscanf(argv[i], "-seed=%lu", &seed) == 1 || std::sscanf(argv[i], "-runs=%lu", &runs) == 1) continue;
    if (argv[i][0] != '-') folder = argv[i];
  }
  if (folder == nullptr) {
    std::fprintf(stderr, "usage: %s -seed=N -runs=N DIRECTORY\n", argv[0]);
    return 2;
  }
  signal(SIGABRT, keepInput);
  const std::vector<Input> corpus = readCorpus(folder);
  if (corpus.empty()) {
    std::fprintf(stderr, "%s: no corpus\n", folder);
    return 2;
  }
  for (const Input& input : corpus) run(input);
  state = seed;
  for (uint64_t i = 0; i < runs; i++) {
    Input input = corpus[below(corpus.size())];
    for (size_t count = 1 + below(6); count > 0; count--) mutate(input, corpus);
    run(input);
  }
  std::printf("%zu files of the corpus and %lu mutations, seed %lu: no violation\n", corpus.size(), runs, seed);
  return 0;
}
