// The sparse forms of tar members: GNU's old one and PAX 0.0, 0.1 and 1.0 (GNU tar manual, "Storing Sparse Files").
#include "tar-reader.h"

#include <algorithm>
#include <cstdint>

void TarReader::applySparseKey(TarMember& member, const std::string& key, const std::string& value) {
  member.isSparse = true;
  uint64_t number = 0;
  const bool isNumber = parseDecimal(value, number);
  if (key == "name") {
    member.path = value;
    sparseNamed_ = true;
  } else if (key == "map") {
    for (size_t at = 0; at < value.size();) {
      const size_t comma = std::min(value.find(',', at), value.size());
      if (!parseDecimal(value.substr(at, comma - at), number)) corrupt("a sparse map is malformed");
      if (member.pieces.empty() || member.pieces.back().second != UINT64_MAX) member.pieces.emplace_back(number, UINT64_MAX);
      else member.pieces.back().second = number;
      at = comma + 1;
    }
  } else if (!isNumber) {
    corrupt("PAX GNU.sparse." + key + " is not a number");
  } else if (key == "size" || key == "realsize") {
    member.sizeBytes = number;
  } else if (key == "offset") {
    member.pieces.emplace_back(number, UINT64_MAX);
  } else if (key == "numbytes") {
    if (member.pieces.empty() || member.pieces.back().second != UINT64_MAX) corrupt("a sparse map is malformed");
    member.pieces.back().second = number;
  } else if (key == "major") {
    if (number > 1) corrupt("sparse format " + value + " is unknown");
    sparseMajor_ = number;
  }
}

void TarReader::readSparseMap(TarMember& member, const char (&first)[kTarBlock], const TarHeader& header) {
  bool more = false;
  member.isSparse = true;
  if (!parseGnuSparseHeader(first, member.pieces, member.sizeBytes, more)) corrupt("a sparse map is malformed");
  while (more) {
    char block[kTarBlock];
    if (!readBlock(block)) corrupt("it ends in a sparse map");
    if (!parseGnuSparseBlock(block, member.pieces, more)) corrupt("a sparse map is malformed");
    if (member.pieces.size() > kSparsePiecesMax) corrupt("a sparse map has too many pieces");
  }
  beginData(header.sizeBytes);
}

// Format 1.0 keeps the map before the data: decimal lines, padded to a block.
void TarReader::readSparseDataMap(TarMember& member) {
  std::string text;
  const uint64_t count = readSparseNumber(text);
  if (count > kSparsePiecesMax) corrupt("a sparse map has too many pieces");
  for (uint64_t i = 0; i < count; i++) {
    const uint64_t offset = readSparseNumber(text);
    member.pieces.emplace_back(offset, readSparseNumber(text));
  }
}

uint64_t TarReader::readSparseNumber(std::string& text) {
  size_t end;
  while ((end = text.find('\n')) == std::string::npos) {
    char block[kTarBlock];
    if (left_ < kTarBlock || text.size() > kTarBlock || !readBlock(block)) corrupt("a sparse map is malformed");
    left_ -= kTarBlock;
    text.append(block, kTarBlock);
  }
  uint64_t number = 0;
  if (!parseDecimal(text.substr(0, end), number)) corrupt("a sparse map is malformed");
  text.erase(0, end + 1);
  return number;
}

void TarReader::checkSparse(const TarMember& member) {
  uint64_t at = 0, stored = 0;
  for (const auto& [offset, length] : member.pieces) {
    if (offset < at || length > member.sizeBytes || offset > member.sizeBytes - length) corrupt("a sparse map is malformed");
    at = offset + length;
    stored += length;
  }
  if (stored != left_) corrupt("a sparse map does not fit its data");
}
