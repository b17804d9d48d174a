// bench/learning/environments.hpp - standard environments, as in Gymnasium: what an agent may see and do, nothing else.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ruvector/learning/random.hpp"

namespace bench {

using ruvector::learning::Random;

struct Outcome {
	double reward;
	bool terminated, truncated;
};

class Environment {
public:
	virtual ~Environment() = default;
	virtual uint32_t actions() const = 0;
	virtual uint32_t state_dim() const { return 0; }               // 0: the state is a key
	virtual std::string key() const { return {}; }                 // of the present state
	virtual std::vector<float> vector() const { return {}; }       // the same, if there are vectors
	virtual std::vector<uint32_t> available() const { return {}; } // empty: all
	virtual void reset(Random &random) = 0;
	virtual Outcome step(uint32_t action, Random &random) = 0;
};

// The reference chain: left to the start, right to the next of `length`, reward 1 after the last.
class Chain final : public Environment {
public:
	uint32_t actions() const override { return 2; }
	std::string key() const override { return "s" + std::to_string(at_); }
	void reset(Random &) override { at_ = 0, steps_ = 0; }
	Outcome step(uint32_t action, Random &) override {
		bool cut = ++steps_ >= 200;
		if (action == 0) {
			at_ = 0;
			return {0, false, cut};
		}
		bool end = ++at_ == 4;
		return {end ? 1.0 : 0.0, end, cut && !end};
	}

private:
	int at_ = 0, steps_ = 0;
};

// FrozenLake-v1, 4x4, slippery: moves go astray to either side with 1/3 each. Optimum 0.7442 within 100 steps.
class FrozenLake final : public Environment {
public:
	explicit FrozenLake(bool slippery = true) : slippery_(slippery) {}
	uint32_t actions() const override { return 4; } // left, down, right, up
	std::string key() const override { return std::to_string(at_); }
	void reset(Random &) override { at_ = 0, steps_ = 0; }
	Outcome step(uint32_t action, Random &random) override {
		static const char map[] = "SFFFFHFHFFFHHFFG";
		uint32_t way = slippery_ ? (action + 3 + random.below(3)) % 4 : action;
		int row = at_ / 4, col = at_ % 4;
		if (way == 0)
			col = std::max(0, col - 1);
		else if (way == 1)
			row = std::min(3, row + 1);
		else if (way == 2)
			col = std::min(3, col + 1);
		else
			row = std::max(0, row - 1);
		at_ = row * 4 + col;
		bool end = map[at_] == 'H' || map[at_] == 'G';
		return {map[at_] == 'G' ? 1.0 : 0.0, end, !end && ++steps_ >= 100};
	}

private:
	bool slippery_;
	int at_ = 0, steps_ = 0;
};

// CliffWalking: 4 x 12, -1 a step, -100 and back to the start for the cliff. Optimum -13.
class CliffWalking final : public Environment {
public:
	uint32_t actions() const override { return 4; } // up, right, down, left
	std::string key() const override { return std::to_string(row_ * 12 + col_); }
	void reset(Random &) override { row_ = 3, col_ = 0, steps_ = 0; }
	Outcome step(uint32_t action, Random &) override {
		if (action == 0)
			row_ = std::max(0, row_ - 1);
		else if (action == 1)
			col_ = std::min(11, col_ + 1);
		else if (action == 2)
			row_ = std::min(3, row_ + 1);
		else
			col_ = std::max(0, col_ - 1);
		bool cut = ++steps_ >= 1000;
		if (row_ == 3 && col_ > 0 && col_ < 11) {
			col_ = 0;
			return {-100, false, cut};
		}
		bool end = row_ == 3 && col_ == 11;
		return {-1, end, cut && !end};
	}

private:
	int row_ = 3, col_ = 0, steps_ = 0;
};

// CartPole-v1 (Barto, Sutton & Anderson 1983): 1 a step, at most 500.
class CartPole final : public Environment {
public:
	uint32_t actions() const override { return 2; }
	uint32_t state_dim() const override { return 4; }
	std::vector<float> vector() const override { return {float(x_[0]), float(x_[1]), float(x_[2]), float(x_[3])}; }
	void reset(Random &random) override {
		for (double &x : x_)
			x = random.uniform() * 0.1 - 0.05;
		steps_ = 0;
	}
	Outcome step(uint32_t action, Random &) override {
		double force = action == 1 ? 10 : -10, cosine = std::cos(x_[2]), sine = std::sin(x_[2]);
		double push = (force + 0.05 * x_[3] * x_[3] * sine) / 1.1;
		double turn = (9.8 * sine - cosine * push) / (0.5 * (4.0 / 3 - 0.1 * cosine * cosine / 1.1));
		double acceleration = push - 0.05 * turn * cosine / 1.1;
		double d[4] = {x_[1], acceleration, x_[3], turn};
		for (int i = 0; i < 4; i++)
			x_[i] += 0.02 * d[i];
		bool end = std::fabs(x_[0]) > 2.4 || std::fabs(x_[2]) > 12 * 3.14159265358979 / 180;
		return {1, end, !end && ++steps_ >= 500};
	}

private:
	double x_[4] = {};
	int steps_ = 0;
};

// Tic-tac-toe as X, first, against an opponent who plays at random: 1, 0 for a draw, -1. Optimum 0.9948.
class TicTacToe final : public Environment {
public:
	uint32_t actions() const override { return 9; }
	std::string key() const override { return board_; }
	std::vector<uint32_t> available() const override {
		std::vector<uint32_t> free;
		for (uint32_t i = 0; i < 9; i++)
			if (board_[i] == '.')
				free.push_back(i);
		return free;
	}
	void reset(Random &) override { board_ = "........."; }
	Outcome step(uint32_t action, Random &random) override {
		board_[action] = 'X';
		if (won('X'))
			return {1, true, false};
		std::vector<uint32_t> free = available();
		if (free.empty())
			return {0, true, false};
		board_[free[random.below(uint32_t(free.size()))]] = 'O';
		if (won('O'))
			return {-1, true, false};
		return {0, available().empty(), false};
	}

private:
	bool won(char who) const {
		static const int lines[8][3] = {{0, 1, 2}, {3, 4, 5}, {6, 7, 8}, {0, 3, 6},
										{1, 4, 7}, {2, 5, 8}, {0, 4, 8}, {2, 4, 6}};
		return std::any_of(std::begin(lines), std::end(lines), [&](const int *l) {
			return board_[l[0]] == who && board_[l[1]] == who && board_[l[2]] == who;
		});
	}
	std::string board_ = ".........";
};

} // namespace bench
