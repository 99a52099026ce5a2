#include "tar-header.h"

#include <climits>
#include <cstring>

namespace {

// Offsets of a header's fields (POSIX pax, "ustar Interchange Format"; GNU tar manual, "Basic Tar Format").
constexpr size_t kName = 0, kMode = 100, kUid = 108, kGid = 116, kSize = 124, kMtime = 136, kChecksum = 148;
constexpr size_t kType = 156, kLinkName = 157, kMagic = 257, kDevMajor = 329, kDevMinor = 337, kPrefix = 345;
constexpr size_t kSparse = 386, kSparseMore = 482, kRealSize = 483, kBlockMore = 504;

// GNU's base-256: a set high bit, then a big-endian two's complement number.
bool parseBase256(const unsigned char* field, size_t width, int64_t& value) {
  const bool negative = (field[0] & 0x40) != 0;
  const int64_t fill = negative ? -1 : 0;
  value = fill;
  for (size_t i = 0; i < width; i++) {
    const unsigned byte = i == 0 ? (negative ? field[0] | 0x80U : field[0] & 0x7FU) : field[i];
    if ((value >> 55) != fill) return false;
    value = static_cast<int64_t>((static_cast<uint64_t>(value) << 8) | byte);
  }
  return true;
}

// Octal digits with blanks or NULs around them; an empty field is zero, as old archivers write it.
bool parseNumber(const char* text, size_t width, int64_t& value) {
  const auto* field = reinterpret_cast<const unsigned char*>(text);
  if ((field[0] & 0x80) != 0) return parseBase256(field, width, value);
  size_t at = 0;
  while (at < width && (text[at] == ' ' || text[at] == '\0')) at++;
  uint64_t number = 0;
  for (; at < width && text[at] >= '0' && text[at] <= '7'; at++) {
    if (number >> 60 != 0) return false;
    number = number * 8 + static_cast<uint64_t>(text[at] - '0');
  }
  for (; at < width; at++) {
    if (text[at] != ' ' && text[at] != '\0') return false;
  }
  value = static_cast<int64_t>(number);
  return true;
}

bool parseUnsigned(const char* text, size_t width, uint64_t& value) {
  int64_t number = 0;
  if (!parseNumber(text, width, number) || number < 0) return false;
  value = static_cast<uint64_t>(number);
  return true;
}

std::string textField(const char* text, size_t width) { return std::string(text, strnlen(text, width)); }

// Some old archivers summed signed characters.
bool checksumMatches(const char (&block)[kTarBlock]) {
  int64_t expected = 0, plain = 0, withSign = 0;
  if (!parseNumber(block + kChecksum, 8, expected)) return false;
  for (size_t i = 0; i < kTarBlock; i++) {
    const char byte = i >= kChecksum && i < kChecksum + 8 ? ' ' : block[i];
    plain += static_cast<unsigned char>(byte);
    withSign += static_cast<signed char>(byte);
  }
  return expected == plain || expected == withSign;
}

bool parsePieces(const char* at, size_t count, SparseMap& map) {
  for (size_t i = 0; i < count && at[i * 24] != '\0'; i++) {
    uint64_t offset = 0, length = 0;
    if (!parseUnsigned(at + i * 24, 12, offset) || !parseUnsigned(at + i * 24 + 12, 12, length)) return false;
    map.emplace_back(offset, length);
  }
  return true;
}

}  // namespace

bool isZeroBlock(const char (&block)[kTarBlock]) {
  for (const char byte : block) {
    if (byte != '\0') return false;
  }
  return true;
}

const char* parseTarHeader(const char (&block)[kTarBlock], TarHeader& header) {
  if (!checksumMatches(block)) return "a header has a wrong checksum";
  header.name = textField(block + kName, 100);
  header.linkName = textField(block + kLinkName, 100);
  header.type = block[kType];
  const bool posix = std::memcmp(block + kMagic, "ustar\0", 6) == 0;
  const bool gnu = std::memcmp(block + kMagic, "ustar  ", 7) == 0;
  bool good = parseUnsigned(block + kMode, 8, header.mode) && parseUnsigned(block + kUid, 8, header.uid) &&
              parseUnsigned(block + kGid, 8, header.gid) && parseUnsigned(block + kSize, 12, header.sizeBytes) &&
              parseNumber(block + kMtime, 12, header.mtime);
  if (posix || gnu) {
    good = good && parseUnsigned(block + kDevMajor, 8, header.devMajor) && parseUnsigned(block + kDevMinor, 8, header.devMinor);
  }
  if (!good) return "a header has a field that is not a number";
  const std::string prefix = posix ? textField(block + kPrefix, 155) : "";
  if (!prefix.empty()) header.name = prefix + '/' + header.name;
  return nullptr;
}

bool parseGnuSparseHeader(const char (&block)[kTarBlock], SparseMap& map, uint64_t& realSize, bool& more) {
  more = block[kSparseMore] != '\0';
  return parsePieces(block + kSparse, 4, map) && parseUnsigned(block + kRealSize, 12, realSize);
}

bool parseGnuSparseBlock(const char (&block)[kTarBlock], SparseMap& map, bool& more) {
  more = block[kBlockMore] != '\0';
  return parsePieces(block, 21, map);
}

bool parseDecimal(const std::string& text, uint64_t& value) {
  if (text.empty() || text.size() > 19) return false;
  value = 0;
  for (const char digit : text) {
    if (digit < '0' || digit > '9') return false;
    value = value * 10 + static_cast<uint64_t>(digit - '0');
  }
  return value <= INT64_MAX;
}

bool parsePaxTime(const std::string& text, int64_t& seconds, long& nanoseconds) {
  const bool negative = !text.empty() && text[0] == '-';
  const std::string number = text.substr(negative ? 1 : 0);
  const size_t dot = number.find('.');
  uint64_t whole = 0;
  if (!parseDecimal(number.substr(0, dot), whole)) return false;
  std::string fraction = dot == std::string::npos ? "" : number.substr(dot + 1);
  fraction.resize(9, '0');
  uint64_t nano = 0;
  if (!parseDecimal(fraction, nano)) return false;
  seconds = static_cast<int64_t>(whole);
  nanoseconds = static_cast<long>(nano);
  if (!negative) return true;
  seconds = -seconds;
  if (nanoseconds != 0) {
    seconds -= 1;
    nanoseconds = 1'000'000'000 - nanoseconds;
  }
  return true;
}
