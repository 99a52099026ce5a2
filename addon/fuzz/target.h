// What the fuzz targets share. A target is a function that libFuzzer calls with bytes (clang), or that driver.cc calls with
// the corpus and with seeded mutations of it (any compiler). Jobs end by an exception here instead of `_exit`.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "../sandbox/fd.h"
#include "../sandbox/job.h"

// How a job ended that failed.
struct Ended {
  int error;
  std::string detail;
};

using Bytes = std::span<const uint8_t>;

// The target itself.
void fuzzOne(Bytes input);

// A memory file with these bytes, at its start.
Fd memoryFile(Bytes bytes);
// Makes the checksum right of each 512-byte block that has a tar magic: mutations would all end at the first check.
std::vector<uint8_t> withChecksums(Bytes tar);
// Ends the program with the reason: a property does not hold.
[[noreturn]] void violated(const std::string& property);
