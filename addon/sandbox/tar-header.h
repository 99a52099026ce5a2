// The fields of one 512-byte tar header, in every dialect that layers and archives come in: v7, ustar, GNU, PAX.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

constexpr size_t kTarBlock = 512;

struct TarHeader {
  std::string name;
  std::string linkName;
  char type = '0';
  uint64_t mode = 0, uid = 0, gid = 0, sizeBytes = 0, devMajor = 0, devMinor = 0;
  int64_t mtime = 0;
};

// Null if the block is a header, else why it is not.
const char* parseTarHeader(const char (&block)[kTarBlock], TarHeader& header);
bool isZeroBlock(const char (&block)[kTarBlock]);

// Pieces of a sparse file: offset and length, in order.
using SparseMap = std::vector<std::pair<uint64_t, uint64_t>>;
// GNU's old sparse format (typeflag S): four pieces in the header, more in blocks that follow it. Both return false for
// numbers that are none. `more` tells that another block follows.
bool parseGnuSparseHeader(const char (&block)[kTarBlock], SparseMap& map, uint64_t& realSize, bool& more);
bool parseGnuSparseBlock(const char (&block)[kTarBlock], SparseMap& map, bool& more);

// A decimal number that fills the whole text; false otherwise.
bool parseDecimal(const std::string& text, uint64_t& value);
// PAX times: seconds, optionally negative, optionally with a fraction (POSIX pax, "mtime").
bool parsePaxTime(const std::string& text, int64_t& seconds, long& nanoseconds);
