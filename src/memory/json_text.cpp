// memory/json_text.cpp - a strict reader of JSON objects, and quoting.
#include "json_text.hpp"

#include <cstdint>
#include <cstdio>

namespace ruvector::memory {
namespace {

bool is_space(char c) {
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

bool is_digit(char c) {
	return c >= '0' && c <= '9';
}

// Length of the JSON number at the start of text, 0 if there is none.
size_t number_length(const char *text, size_t size, bool *integer) {
	size_t i = 0;
	auto digits = [&] {
		size_t start = i;
		while (i < size && is_digit(text[i]))
			++i;
		return i > start;
	};
	*integer = true;
	if (i < size && text[i] == '-')
		++i;
	if (i < size && text[i] == '0')
		++i;
	else if (!digits())
		return 0;
	if (i < size && text[i] == '.') {
		++i;
		*integer = false;
		if (!digits())
			return 0;
	}
	if (i < size && (text[i] == 'e' || text[i] == 'E')) {
		++i;
		*integer = false;
		if (i < size && (text[i] == '+' || text[i] == '-'))
			++i;
		if (!digits())
			return 0;
	}
	return i;
}

class Reader {
public:
	Reader(const std::string &text, std::vector<Argument> &out) : text_(text), out_(out) {}

	bool whole() {
		skip();
		if (at_ >= text_.size() || (text_[at_] != '{' && text_[at_] != '['))
			return false;
		if (!value("", 0))
			return false;
		skip();
		return at_ == text_.size();
	}

private:
	static constexpr int kMaxDepth = 64;

	void skip() {
		while (at_ < text_.size() && is_space(text_[at_]))
			++at_;
	}

	bool take(char c) {
		skip();
		if (at_ >= text_.size() || text_[at_] != c)
			return false;
		++at_;
		return true;
	}

	bool take_word(const char *word) {
		if (text_.compare(at_, std::string(word).size(), word) != 0)
			return false;
		at_ += std::string(word).size();
		return true;
	}

	static void append_utf8(std::string &out, uint32_t code) {
		if (code < 0x80) {
			out += char(code);
		} else if (code < 0x800) {
			out += char(0xC0 | code >> 6);
			out += char(0x80 | (code & 0x3F));
		} else if (code < 0x10000) {
			out += char(0xE0 | code >> 12);
			out += char(0x80 | (code >> 6 & 0x3F));
			out += char(0x80 | (code & 0x3F));
		} else {
			out += char(0xF0 | code >> 18);
			out += char(0x80 | (code >> 12 & 0x3F));
			out += char(0x80 | (code >> 6 & 0x3F));
			out += char(0x80 | (code & 0x3F));
		}
	}

	bool hex4(uint32_t &code) {
		code = 0;
		for (int i = 0; i < 4; ++i, ++at_) {
			if (at_ >= text_.size())
				return false;
			char c = text_[at_];
			uint32_t digit;
			if (is_digit(c))
				digit = uint32_t(c - '0');
			else if (c >= 'a' && c <= 'f')
				digit = uint32_t(c - 'a' + 10);
			else if (c >= 'A' && c <= 'F')
				digit = uint32_t(c - 'A' + 10);
			else
				return false;
			code = code << 4 | digit;
		}
		return true;
	}

	bool escape(std::string &out) {
		char c = text_[at_++];
		switch (c) {
		case '"':
		case '\\':
		case '/':
			out += c;
			return true;
		case 'b':
			out += '\b';
			return true;
		case 'f':
			out += '\f';
			return true;
		case 'n':
			out += '\n';
			return true;
		case 'r':
			out += '\r';
			return true;
		case 't':
			out += '\t';
			return true;
		case 'u': {
			uint32_t code;
			// PostgreSQL's text holds no zero character.
			if (!hex4(code) || code == 0)
				return false;
			if (code >= 0xDC00 && code < 0xE000)
				return false;
			if (code >= 0xD800 && code < 0xDC00) {
				uint32_t low;
				if (!take_word("\\u") || !hex4(low) || low < 0xDC00 || low >= 0xE000)
					return false;
				code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
			}
			append_utf8(out, code);
			return true;
		}
		default:
			return false;
		}
	}

	bool string(std::string &out) {
		if (!take('"'))
			return false;
		while (at_ < text_.size()) {
			char c = text_[at_++];
			if (c == '"')
				return true;
			if (static_cast<unsigned char>(c) < 0x20)
				return false;
			if (c != '\\')
				out += c;
			else if (at_ >= text_.size() || !escape(out))
				return false;
		}
		return false;
	}

	static std::string join(const std::string &path, const std::string &key) {
		return path.empty() ? key : path + "." + key;
	}

	bool object(const std::string &path, int depth) {
		++at_;
		if (take('}'))
			return true;
		do {
			std::string key;
			if (!string(key) || !take(':') || !value(join(path, key), depth + 1))
				return false;
		} while (take(','));
		return take('}');
	}

	bool array(const std::string &path, int depth) {
		++at_;
		if (take(']'))
			return true;
		size_t i = 0;
		do {
			if (!value(join(path, std::to_string(i++)), depth + 1))
				return false;
		} while (take(','));
		return take(']');
	}

	bool value(const std::string &path, int depth) {
		skip();
		if (depth > kMaxDepth || at_ >= text_.size())
			return false;
		switch (text_[at_]) {
		case '{':
			return object(path, depth);
		case '[':
			return array(path, depth);
		case '"': {
			std::string text;
			if (!string(text))
				return false;
			out_.push_back({path, text, true});
			return true;
		}
		case 'n':
			return take_word("null");
		case 't':
			out_.push_back({path, "true", false});
			return take_word("true");
		case 'f':
			out_.push_back({path, "false", false});
			return take_word("false");
		default: {
			bool integer;
			size_t length = number_length(text_.data() + at_, text_.size() - at_, &integer);
			if (length == 0)
				return false;
			out_.push_back({path, text_.substr(at_, length), false});
			at_ += length;
			return true;
		}
		}
	}

	const std::string &text_;
	std::vector<Argument> &out_;
	size_t at_ = 0;
};

} // namespace

bool flatten_json(const std::string &text, std::vector<Argument> &out) {
	std::vector<Argument> found;
	if (!Reader(text, found).whole())
		return false;
	out.insert(out.end(), found.begin(), found.end());
	return true;
}

std::string json_quote(const std::string &text) {
	std::string out = "\"";
	for (char c : text) {
		if (c == '"' || c == '\\') {
			out += '\\';
			out += c;
		} else if (static_cast<unsigned char>(c) < 0x20) {
			char escaped[8];
			std::snprintf(escaped, sizeof(escaped), "\\u%04x", unsigned(static_cast<unsigned char>(c)));
			out += escaped;
		} else {
			out += c;
		}
	}
	return out + '"';
}

ValueType type_of(const Argument &argument) {
	if (argument.quoted)
		return ValueType::string;
	if (argument.value == "true" || argument.value == "false")
		return ValueType::boolean;
	bool integer;
	size_t length = number_length(argument.value.data(), argument.value.size(), &integer);
	// A number of hundreds of digits is an identifier.
	if (length == 0 || length != argument.value.size() || length > 30)
		return ValueType::string;
	return integer ? ValueType::integer : ValueType::number;
}

std::string json_value(const Argument &argument) {
	return type_of(argument) == ValueType::string ? json_quote(argument.value) : argument.value;
}

} // namespace ruvector::memory
