#include "glob.h"

#include <cstdint>

namespace {

// One character as Go sees it: a UTF-8 sequence, or a single byte that belongs to none.
uint32_t takeRune(std::string_view& text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  const size_t length = first < 0x80 ? 1 : (first & 0xE0) == 0xC0 ? 2 : (first & 0xF0) == 0xE0 ? 3 : (first & 0xF8) == 0xF0 ? 4 : 0;
  uint32_t rune = length == 2 ? first & 0x1F : length == 3 ? first & 0x0F : length == 4 ? first & 0x07 : first;
  if (length == 0 || length > text.size()) {
    text.remove_prefix(1);
    return 0xFFFD;
  }
  for (size_t i = 1; i < length; i++) {
    if ((byte(i) & 0xC0) != 0x80) {
      text.remove_prefix(1);
      return 0xFFFD;
    }
    rune = rune << 6 | (byte(i) & 0x3FU);
  }
  text.remove_prefix(length);
  return rune;
}

// A character of a class, escapes resolved.
bool takeClassRune(std::string_view& pattern, uint32_t& rune) {
  if (pattern.empty() || pattern[0] == '-' || pattern[0] == ']') return false;
  if (pattern[0] == '\\') {
    pattern.remove_prefix(1);
    if (pattern.empty()) return false;
  }
  rune = takeRune(pattern);
  return !pattern.empty();
}

// `pattern` stands after `[`; leaves it after `]`.
bool matchClass(std::string_view& pattern, uint32_t rune, bool& malformed) {
  const bool negated = !pattern.empty() && pattern[0] == '^';
  if (negated) pattern.remove_prefix(1);
  bool matched = false;
  for (size_t ranges = 0;; ranges++) {
    if (!pattern.empty() && pattern[0] == ']' && ranges > 0) {
      pattern.remove_prefix(1);
      return matched != negated;
    }
    uint32_t low = 0, high = 0;
    if (!takeClassRune(pattern, low)) return malformed = true, false;
    high = low;
    if (pattern[0] == '-') {
      pattern.remove_prefix(1);
      if (!takeClassRune(pattern, high)) return malformed = true, false;
    }
    if (low <= rune && rune <= high) matched = true;
  }
}

// Matches up to the next `*`. False if the name's start does not fit; else `pattern` and `name` stand after the chunk.
bool matchChunk(std::string_view& pattern, std::string_view& name, bool& malformed) {
  while (!pattern.empty() && pattern[0] != '*') {
    const char kind = pattern[0];
    if (name.empty()) return false;
    if (kind == '[') {
      pattern.remove_prefix(1);
      if (!matchClass(pattern, takeRune(name), malformed)) return false;
    } else if (kind == '?') {
      pattern.remove_prefix(1);
      takeRune(name);
    } else {
      if (kind == '\\') pattern.remove_prefix(1);
      if (pattern.empty()) return malformed = true, false;
      if (pattern[0] != name[0]) return false;
      pattern.remove_prefix(1);
      name.remove_prefix(1);
    }
  }
  return true;
}

}  // namespace

bool hasWildcard(std::string_view component) {
  for (size_t i = 0; i < component.size(); i++) {
    if (component[i] == '\\') i++;
    else if (component[i] == '*' || component[i] == '?' || component[i] == '[') return true;
  }
  return false;
}

std::string unescapeComponent(std::string_view component) {
  std::string plain;
  for (size_t i = 0; i < component.size(); i++) {
    if (component[i] == '\\' && i + 1 < component.size()) i++;
    plain += component[i];
  }
  return plain;
}

// The classic loop with one place to go back to: a later `*` makes an earlier one's choice irrelevant, so the cost is
// at most pattern length times name length, also for `a*a*a*a*b`.
bool matchComponent(std::string_view pattern, std::string_view name, bool& malformed) {
  bool anchored = true;  // no `*` yet
  std::string_view retryPattern, retryName;
  for (;;) {
    if (!pattern.empty() && pattern[0] == '*') {
      while (!pattern.empty() && pattern[0] == '*') pattern.remove_prefix(1);
      if (pattern.empty()) return true;
      anchored = false;
      retryPattern = pattern;
      retryName = name;
    }
    std::string_view chunk = pattern, rest = name;
    if (matchChunk(chunk, rest, malformed) && (!chunk.empty() || rest.empty())) {
      if (chunk.empty()) return true;
      pattern = chunk;
      name = rest;
      continue;
    }
    if (malformed || anchored || retryName.empty()) return false;
    takeRune(retryName);
    pattern = retryPattern;
    name = retryName;
  }
}
