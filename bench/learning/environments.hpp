// bench/learning/environments.hpp - the standard environments, as simulators. What is known about their solutions is in
// `optimum` alone, for the report.
#ifndef RUVECTOR_BENCH_ENVIRONMENTS_HPP
#define RUVECTOR_BENCH_ENVIRONMENTS_HPP

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace ruvector::bench {

struct Step {
	double reward = 0;
	bool terminated = false;
	bool truncated = false;
	bool done() const { return terminated || truncated; }
};

class Environment {
public:
	explicit Environment(uint64_t seed) : random_(seed) {}
	virtual ~Environment() = default;
	virtual void reset() = 0;
	virtual Step step(int action) = 0;
	// A name of the state; environments with vector states write the vector ("[1,2]").
	virtual std::string state() const = 0;
	virtual std::vector<std::string> actions() const = 0;
	// Actions that can be taken now; empty: all.
	virtual std::vector<std::string> available() const { return {}; }
	virtual int dimensions() const { return 0; } // 0: discrete states

protected:
	double uniform() { return std::uniform_real_distribution<double>(0, 1)(random_); }
	int below(int n) { return std::uniform_int_distribution<int>(0, n - 1)(random_); }
	std::mt19937_64 random_;
};

// s0..s3; left goes to s0, right on; right in s3 ends with reward 1.
class Chain : public Environment {
public:
	using Environment::Environment;
	void reset() override { at_ = steps_ = 0; }
	Step step(int action) override {
		Step result;
		if (action == 0)
			at_ = 0;
		else if (++at_ == 4) {
			result.reward = 1;
			result.terminated = true;
		}
		result.truncated = !result.terminated && ++steps_ >= 50;
		return result;
	}
	std::string state() const override { return "s" + std::to_string(std::min(at_, 3)); }
	std::vector<std::string> actions() const override { return {"left", "right"}; }

private:
	int at_ = 0, steps_ = 0;
};

// FrozenLake-v1, 4x4, slippery: a third of the time each of the wanted direction and the two beside it; 100 steps.
class FrozenLake : public Environment {
public:
	using Environment::Environment;
	void reset() override { row_ = column_ = steps_ = 0; }
	Step step(int action) override {
		const int direction = (action + below(3) + 3) % 4; // action - 1, action or action + 1
		if (direction == 0)
			column_ = std::max(column_ - 1, 0);
		else if (direction == 1)
			row_ = std::min(row_ + 1, 3);
		else if (direction == 2)
			column_ = std::min(column_ + 1, 3);
		else
			row_ = std::max(row_ - 1, 0);
		const char cell = "SFFFFHFHFFFHHFFG"[4 * row_ + column_];
		Step result;
		result.reward = cell == 'G' ? 1 : 0;
		result.terminated = cell == 'G' || cell == 'H';
		result.truncated = !result.terminated && ++steps_ >= 100;
		return result;
	}
	std::string state() const override { return std::to_string(4 * row_ + column_); }
	std::vector<std::string> actions() const override { return {"left", "down", "right", "up"}; }

private:
	int row_ = 0, column_ = 0, steps_ = 0;
};

// CliffWalking-v0: 4x12, -1 a step, -100 and back to the start for the cliff.
class CliffWalking : public Environment {
public:
	using Environment::Environment;
	void reset() override { row_ = 3, column_ = 0, steps_ = 0; }
	Step step(int action) override {
		static const int kRow[] = {-1, 0, 1, 0}, kColumn[] = {0, 1, 0, -1};
		row_ = std::clamp(row_ + kRow[action], 0, 3);
		column_ = std::clamp(column_ + kColumn[action], 0, 11);
		Step result;
		result.reward = -1;
		if (row_ == 3 && column_ > 0 && column_ < 11) {
			result.reward = -100;
			row_ = 3, column_ = 0;
		}
		result.terminated = row_ == 3 && column_ == 11;
		result.truncated = !result.terminated && ++steps_ >= 1000;
		return result;
	}
	std::string state() const override { return std::to_string(12 * row_ + column_); }
	std::vector<std::string> actions() const override { return {"up", "right", "down", "left"}; }

private:
	int row_ = 3, column_ = 0, steps_ = 0;
};

// CartPole-v1 (Barto, Sutton & Anderson 1983): Euler steps of 0.02 s, 500 steps.
class CartPole : public Environment {
public:
	using Environment::Environment;
	void reset() override {
		for (double &x : state_)
			x = -0.05 + 0.1 * uniform();
		steps_ = 0;
	}
	Step step(int action) override {
		const double force = action == 1 ? 10 : -10, total = 1.1, pole_mass_length = 0.05, tau = 0.02;
		auto &[x, v, angle, turn] = state_;
		const double c = std::cos(angle), s = std::sin(angle);
		const double t = (force + pole_mass_length * turn * turn * s) / total;
		const double turn_rate = (9.8 * s - c * t) / (0.5 * (4.0 / 3.0 - 0.1 * c * c / total));
		const double a = t - pole_mass_length * turn_rate * c / total;
		x += tau * v;
		v += tau * a;
		angle += tau * turn;
		turn += tau * turn_rate;
		Step result;
		result.reward = 1;
		result.terminated = std::fabs(x) > 2.4 || std::fabs(angle) > 12 * 2 * M_PI / 360;
		result.truncated = ++steps_ >= 500 && !result.terminated;
		return result;
	}
	std::string state() const override {
		char text[128];
		snprintf(text, sizeof(text), "[%.7g,%.7g,%.7g,%.7g]", state_[0], state_[1], state_[2], state_[3]);
		return text;
	}
	std::vector<std::string> actions() const override { return {"left", "right"}; }
	int dimensions() const override { return 4; }

private:
	std::array<double, 4> state_{};
	int steps_ = 0;
};

// Tic-tac-toe as x, who begins, against an opponent who moves at random: 1 won, 0.5 drawn, 0 lost.
class TicTacToe : public Environment {
public:
	using Environment::Environment;
	void reset() override { board_ = "........."; }
	Step step(int action) override {
		Step result;
		if (board_[action] != '.') { // an impossible move loses
			result.terminated = true;
			return result;
		}
		board_[action] = 'x';
		if (won('x')) {
			result.reward = 1;
			result.terminated = true;
			return result;
		}
		std::vector<int> open;
		for (int i = 0; i < 9; ++i)
			if (board_[i] == '.')
				open.push_back(i);
		if (open.empty()) {
			result.reward = 0.5;
			result.terminated = true;
			return result;
		}
		board_[open[below(static_cast<int>(open.size()))]] = 'o';
		result.terminated = won('o');
		return result;
	}
	std::string state() const override { return board_; }
	std::vector<std::string> actions() const override { return {"0", "1", "2", "3", "4", "5", "6", "7", "8"}; }
	std::vector<std::string> available() const override {
		std::vector<std::string> open;
		for (int i = 0; i < 9; ++i)
			if (board_[i] == '.')
				open.push_back(std::to_string(i));
		return open;
	}

private:
	bool won(char who) const {
		static const int kLines[8][3] = {{0, 1, 2}, {3, 4, 5}, {6, 7, 8}, {0, 3, 6}, {1, 4, 7}, {2, 5, 8}, {0, 4, 8}, {2, 4, 6}};
		for (const auto &line : kLines)
			if (board_[line[0]] == who && board_[line[1]] == who && board_[line[2]] == who)
				return true;
		return false;
	}
	std::string board_ = ".........";
};

inline std::unique_ptr<Environment> make_environment(const std::string &name, uint64_t seed) {
	if (name == "chain")
		return std::make_unique<Chain>(seed);
	if (name == "FrozenLake")
		return std::make_unique<FrozenLake>(seed);
	if (name == "CliffWalking")
		return std::make_unique<CliffWalking>(seed);
	if (name == "CartPole")
		return std::make_unique<CartPole>(seed);
	if (name == "tic-tac-toe")
		return std::make_unique<TicTacToe>(seed);
	throw std::invalid_argument("no environment called " + name);
}

} // namespace ruvector::bench

#endif
